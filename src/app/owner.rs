//! Lets root work on the service's state without leaving files there that the service cannot read.
//!
//! A command that root runs where no agent does becomes the owner of the state directory before it touches
//! anything in it. It changes the *effective* user and groups: this is about who owns the files, not a fence.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::unistd::{Gid, Uid, User, geteuid, getgid, getuid, setegid, seteuid, setgroups};

use crate::delivery::Whose;
use crate::failure::{Exit, Failure};

/// Whom a command has to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It is the right user already, or none that may become another.
    Stay,
    Become {
        uid: u32,
        gid: u32,
    },
}

/// Becomes the owner of `dir` if root runs this and it belongs to somebody else.
///
/// A directory that does not exist yet belongs to nobody: who makes it owns it.
///
/// # Errors
/// When the system refuses.
pub fn act_as_owner(dir: &Path) -> Result<(), Failure> {
    let owner = fs::metadata(dir).ok().map(|metadata| (metadata.uid(), metadata.gid()));
    let Role::Become { uid, gid } = role(geteuid().as_raw(), owner) else { return Ok(()) };
    let refused = |errno: nix::Error| {
        Failure::new(
            Exit::Permission,
            format!("becoming user {uid}, who owns {}: {errno}", dir.display()),
        )
        .hint(format!("run it as that user: sudo -u '#{uid}' kiosk-enroll …"))
    };
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    // The groups go while root may still change them, the user last.
    setgroups(&groups_of(uid, gid)).map_err(refused)?;
    setegid(gid).map_err(refused)?;
    seteuid(uid).map_err(refused)?;
    tracing::debug!(%uid, dir = %dir.display(), "acting as the owner of the state directory");
    Ok(())
}

/// Whose the file of a secret is to be once it is replaced: whose it was, or else the owner's of the state directory
/// `state`, who is to read it. `None` where there is neither yet.
pub fn whose(path: &Path, state: &Path) -> Option<Whose> {
    let found = |path: &Path| fs::metadata(path).ok();
    let old = found(path).map(|it| Whose { uid: it.uid(), gid: it.gid(), mode: it.mode() & 0o777 });
    old.or_else(|| found(state).map(|it| Whose { uid: it.uid(), gid: it.gid(), mode: 0o600 }))
}

/// Why the owner of the state directory `state` may not read a file, as far as this process can tell: it is that
/// user, or becomes it if it is root.
pub fn hindrance(path: &Path, state: &Path) -> Option<String> {
    act_as_owner(state).ok()?;
    let owner = fs::metadata(state).ok()?.uid();
    if owner != geteuid().as_raw() {
        return None;
    }
    let refused = fs::File::open(path).err()?;
    Some(format!("the agent's user {owner} may not read it: {refused}"))
}

/// Does `act` as who started this process, for files that are not the service's: an export on a stick.
///
/// # Errors
/// When the system refuses, or what `act` fails with.
pub fn as_caller<T>(dir: &Path, act: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    if !getuid().is_root() || geteuid().is_root() {
        return act();
    }
    seteuid(Uid::from_raw(0))
        .and_then(|()| setegid(getgid()))
        .map_err(|errno| Failure::new(Exit::Permission, format!("becoming root again: {errno}")))?;
    let done = act();
    act_as_owner(dir)?;
    done
}

/// The owner's groups: the camera belongs to one of them.
fn groups_of(uid: Uid, gid: Gid) -> Vec<Gid> {
    let name =
        User::from_uid(uid).ok().flatten().and_then(|user| std::ffi::CString::new(user.name).ok());
    let listed = name.and_then(|name| nix::unistd::getgrouplist(&name, gid).ok());
    listed.unwrap_or_else(|| vec![gid])
}

const fn role(me: u32, owner: Option<(u32, u32)>) -> Role {
    match (me, owner) {
        (0, Some((uid, gid))) if uid != 0 => Role::Become { uid, gid },
        _ => Role::Stay,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_becomes_the_owner_of_what_belongs_to_another() {
        assert_eq!(role(0, Some((990, 991))), Role::Become { uid: 990, gid: 991 });
        assert_eq!(role(0, Some((0, 0))), Role::Stay);
        assert_eq!(role(0, None), Role::Stay);
        assert_eq!(role(1_000, Some((990, 991))), Role::Stay);
    }
}
