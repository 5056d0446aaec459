//! Looking after the queue and the token by hand, with the real program, with and without a running agent.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;
use tempfile::TempDir;

struct Site {
    dir: TempDir,
}

struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("empty.toml"), "").unwrap();
        fs::write(dir.path().join("passphrase"), "two good words\n").unwrap();
        Self { dir }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, state: &str, words: &[&str]) -> Command {
        let mut command = Command::new(cargo_bin("kiosk-enroll"));
        command.arg("--config").arg(self.file("empty.toml")).arg("--state-dir");
        command.arg(self.file(state)).args(words).current_dir(self.dir.path());
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, state: &str, words: &[&str]) -> Output {
        self.command(state, words).output().unwrap()
    }

    fn json(&self, state: &str, words: &[&str]) -> Value {
        let output = self.command(state, words).arg("--json").output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    }

    fn queue(&self, state: &str, words: &[&str]) {
        let done = self.run(state, words);
        assert!(done.status.success(), "{done:?}");
    }

    fn agent(&self, state: &str) -> Agent {
        let frames = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/walkup");
        let source = format!("camera.source=frames:{}?fps=1", frames.display());
        let settings = ["--set", &source, "--set", "web.listen=", "--set", "delivery.paused=true"];
        let mut command = self.command(state, &["run"]);
        command.args(settings).stdout(Stdio::null()).stderr(Stdio::null());
        let agent = Agent(command.spawn().unwrap());
        let began = Instant::now();
        while !self.file(state).join("control.sock").exists() {
            assert!(began.elapsed() < Duration::from_secs(60), "the agent does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        agent
    }

    fn audit(&self, state: &str) -> String {
        fs::read_to_string(self.file(state).join("audit.log")).unwrap_or_default()
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn damage(entry: &Path) {
    let mut bytes = fs::read(entry).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(entry, bytes).unwrap();
}

#[test]
fn a_drop_needs_a_yes_where_nobody_can_be_asked_and_leaves_a_line() {
    let site = Site::new();
    site.queue("a", &["update", "p1", "--name", "Ada Lovelace"]);
    let refused = site.run("a", &["queue", "drop", "u1"]);
    assert_eq!(code(&refused), 64);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--yes"));
    let unknown = site.run("a", &["queue", "drop", "u7", "--yes"]);
    assert_eq!(code(&unknown), 66);
    site.queue("a", &["queue", "drop", "u1", "--yes"]);
    assert_eq!(site.json("a", &["queue", "list"]), serde_json::json!([]));
    let audit = site.audit("a");
    assert!(audit.contains(r#""command":"queue drop","ids":["u1"],"door":"terminal""#), "{audit}");
    assert!(!audit.contains("Ada") && !audit.contains("p1"));
}

#[test]
fn what_is_parked_is_queued_again_and_what_waits_is_not_retried() {
    let site = Site::new();
    site.queue("a", &["update", "p1", "--name", "Ada"]);
    assert_eq!(code(&site.run("a", &["queue", "retry", "u1"])), 64);
    site.queue("a", &["queue", "export", "x.age", "--passphrase-file", "passphrase", "--take"]);
    let parked = site.json("a", &["queue", "show", "u1"]);
    assert_eq!(
        (&parked["state"], &parked["reason"]),
        (&"parked".into(), &"exported to x.age".into())
    );
    site.queue("a", &["queue", "retry", "u1"]);
    assert_eq!(site.json("a", &["queue", "show", "u1"])["state"], "queued");
}

/// The file of an update.
fn entry(state: &Path, number: u64) -> PathBuf {
    state.join(format!("queue/entries/{number:016x}.entry"))
}

#[test]
fn an_export_saves_what_can_be_read_and_names_what_cannot() {
    let site = Site::new();
    for person in ["p1", "p2", "p3"] {
        site.queue("a", &["update", person, "--name", "Ada"]);
    }
    damage(&entry(&site.file("a"), 2));
    let export = ["queue", "export", "x.age", "--passphrase-file", "passphrase", "--take"];
    let done = site.command("a", &export).arg("--json").output().unwrap();
    assert_eq!(code(&done), 65, "{done:?}");
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&report["exported"], &report["parked"]), (&2.into(), &2.into()));
    assert_eq!(report["unreadable"][0]["id"], "u2");
    assert!(String::from_utf8_lossy(&done.stderr).contains("without u2: "), "{done:?}");
    let imported = site.json("b", &["queue", "import", "x.age", "--passphrase-file", "passphrase"]);
    assert_eq!(imported["queued"], 2);
}

#[test]
fn what_the_disk_does_not_give_to_an_export_is_queued_again() {
    let site = Site::new();
    let _agent = site.agent("a");
    site.queue("a", &["update", "p1", "--name", "Ada"]);
    site.queue("a", &["update", "p2", "--name", "Bob"]);
    let unreadable = entry(&site.file("a"), 2);
    fs::remove_file(&unreadable).unwrap();
    fs::create_dir(&unreadable).unwrap();
    let export = ["queue", "export", "x.age", "--passphrase-file", "passphrase", "--take"];
    assert_eq!(code(&site.run("a", &export)), 74);
    let list = site.json("a", &["queue", "list"]);
    assert_eq!(
        (&list[0]["state"], &list[0]["reason"]),
        (&"parked".into(), &"exported to x.age".into())
    );
    assert_eq!((&list[1]["state"], &list[1]["reason"]), (&"held".into(), &Value::Null));
}

#[test]
fn an_export_that_fails_leaves_no_file_and_no_word_of_one() {
    let site = Site::new();
    let _agent = site.agent("a");
    site.queue("a", &["update", "p1", "--name", "Ada", "--notes", &"n".repeat(800)]);
    let program = cargo_bin("kiosk-enroll");
    // A medium with room for the first bytes alone.
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(program).arg("--config").arg(site.file("empty.toml"));
    command.arg("--state-dir").arg(site.file("a")).current_dir(site.dir.path());
    command.args(["queue", "export", "x.age", "--passphrase-file", "passphrase", "--take"]);
    let failed = command.output().unwrap();
    assert_eq!(code(&failed), 74, "{failed:?}");
    assert!(!site.file("x.age").exists() && !site.file("x.age.part").exists());
    let update = site.json("a", &["queue", "show", "u1"]);
    assert_eq!((&update["state"], &update["reason"]), (&"held".into(), &Value::Null), "{update}");
}

#[test]
fn what_another_device_key_sealed_is_told() {
    let site = Site::new();
    site.queue("a", &["update", "p1", "--name", "Ada"]);
    site.queue("b", &["update", "p2", "--name", "Bob"]);
    fs::copy(site.file("b/device.key"), site.file("a/device.key")).unwrap();
    let status = site.json("a", &["status"]);
    assert_eq!((&status["queue"]["foreign"], &status["queue"]["queued"]), (&1.into(), &0.into()));
    let told = format!("{:?}", site.run("a", &["status"]));
    assert!(told.contains("1 more are sealed with another device key"), "{told}");
    assert!(told.contains("put that key back and restart"), "{told}");
}

#[test]
fn a_check_names_what_is_damaged_and_moves_nothing() {
    let site = Site::new();
    site.queue("a", &["update", "p1", "--name", "Ada"]);
    site.queue("a", &["update", "p2", "--name", "Bob"]);
    assert_eq!(code(&site.run("a", &["queue", "verify"])), 0);
    damage(&entry(&site.file("a"), 1));
    let found = site.json("a", &["queue", "verify"]);
    assert_eq!(found["damaged"][0]["what"], "its sealed body was changed");
    assert_eq!((found["damaged"].as_array().unwrap().len(), &found["checked"]), (1, &2.into()));
    assert_eq!(code(&site.run("a", &["queue", "verify"])), 65);
    assert_eq!(fs::read_dir(site.file("a/queue/entries")).unwrap().count(), 2);
    assert_eq!(fs::read_dir(site.file("a/queue/quarantine")).unwrap().count(), 0);
}

#[test]
fn beside_a_running_agent_everything_goes_through_it() {
    let site = Site::new();
    let agent = site.agent("a");
    site.queue("a", &["update", "p1", "--name", "Ada"]);
    site.queue("a", &["update", "p2", "--name", "Bob"]);
    assert_eq!(code(&site.run("a", &["queue", "verify"])), 0);
    site.queue("a", &["queue", "export", "x.age", "--passphrase-file", "passphrase"]);
    site.queue("b", &["queue", "import", "x.age", "--passphrase-file", "passphrase"]);
    site.queue("a", &["queue", "drop", "u1", "--yes"]);
    damage(&entry(&site.file("a"), 2));
    assert_eq!(code(&site.run("a", &["queue", "verify"])), 65);
    assert_eq!(fs::read_dir(site.file("a/queue/quarantine")).unwrap().count(), 0);
    drop(agent);
    let uid = rustix::process::getuid().as_raw();
    let by_socket = format!(r#""command":"queue drop","ids":["u1"],"door":"socket","uid":{uid}"#);
    assert!(site.audit("a").contains(&by_socket), "{}", site.audit("a"));
    assert_eq!(site.json("b", &["queue", "list"]).as_array().unwrap().len(), 2);
}

#[test]
fn an_import_queues_each_update_once_and_never_over_a_newer_change() {
    let site = Site::new();
    site.queue("a", &["update", "p1", "--name", "Ada", "--notes", "from a"]);
    site.queue("a", &["update", "p2", "--name", "Bob"]);
    site.queue("b", &["update", "p1", "--name", "Ada King"]);
    site.queue("a", &["queue", "export", "x.age", "--passphrase-file", "passphrase"]);
    let import = ["queue", "import", "x.age", "--passphrase-file", "passphrase"];
    let first = site.json("b", &import);
    assert_eq!((&first["queued"], &first["shortened"]), (&2.into(), &1.into()), "{first}");
    let again = site.json("b", &import);
    assert_eq!((&again["queued"], &again["duplicates"]), (&0.into(), &2.into()));
    let fields = |id: &str| site.json("b", &["queue", "show", id])["fields"].to_string();
    assert_eq!((fields("u1"), fields("u2")), (r#"["name"]"#.into(), r#"["notes"]"#.into()));
    let own = site.json("a", &import);
    assert_eq!(own["own"], 2);
    let line = site.audit("b");
    assert!(line.contains(r#""command":"queue import","ids":["u2"]"#), "{line}");
}

#[test]
fn a_file_that_does_not_open_imports_nothing_and_says_why() {
    let site = Site::new();
    site.queue("a", &["update", "p1", "--name", "Ada"]);
    site.queue("a", &["queue", "export", "x.age", "--passphrase-file", "passphrase"]);
    fs::write(site.file("other"), "two other words\n").unwrap();
    let whole = fs::read(site.file("x.age")).unwrap();
    fs::write(site.file("cut.age"), &whole[..whole.len() - 3]).unwrap();
    fs::write(site.file("list.txt"), "milk, bread").unwrap();
    for (file, passphrase, expected) in [
        ("x.age", "other", 77),
        ("cut.age", "passphrase", 65),
        ("list.txt", "passphrase", 65),
        ("none.age", "passphrase", 66),
    ] {
        let words = ["queue", "import", file, "--passphrase-file", passphrase];
        assert_eq!(code(&site.run("b", &words)), expected, "{file}");
    }
    assert!(!site.file("b").exists(), "nothing was even opened for them");
    let again = site.run("a", &["queue", "export", "x.age", "--passphrase-file", "passphrase"]);
    assert_eq!(code(&again), 73, "an export replaces nothing");
}

#[test]
fn a_token_is_replaced_as_a_whole_and_never_shown() {
    let site = Site::new();
    // {"exp":1} and {"exp":4102444800}: expired in 1970, and good until 2100.
    let (old, new) = ("eyJh.eyJleHAiOjF9.c2ln", "eyJh.eyJleHAiOjQxMDI0NDQ4MDB9.c2ln");
    for (name, text) in [("old", old), ("new", new), ("two", "one\ntwo\n"), ("none", " \n")] {
        fs::write(site.file(name), text).unwrap();
    }
    let expired = site.json("a", &["token", "set", "old"]);
    assert!(expired["warnings"][0].as_str().unwrap().contains("expired"), "{expired}");
    assert_eq!(code(&site.run("a", &["token", "set", "two"])), 65);
    assert_eq!(code(&site.run("a", &["token", "set", "none"])), 65);
    assert_eq!(fs::read_to_string(site.file("a/token")).unwrap().trim(), old);
    let set = site.run("a", &["token", "set", "new"]);
    let status = site.run("a", &["token", "status"]);
    for output in [&set, &status] {
        assert_eq!(code(output), 0);
        let told = format!("{output:?}");
        assert!(!told.contains("eyJ") && !told.contains("c2ln"), "{told}");
    }
    assert_eq!(fs::metadata(site.file("a/token")).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(site.json("a", &["token", "status"])["days_left"].as_u64().unwrap() > 20_000);
}

#[test]
fn a_replaced_token_stays_readable_for_the_agent_in_a_folder_of_roots() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can become somebody else");
        return;
    }
    const SERVICE: u32 = 4_321;
    let site = Site::new();
    let open = |path: &Path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode));
    open(site.dir.path(), 0o755).unwrap();
    fs::create_dir(site.file("a")).unwrap();
    chown(site.file("a"), Some(SERVICE), Some(SERVICE)).unwrap();
    fs::create_dir(site.file("secrets")).unwrap();
    open(&site.file("secrets"), 0o755).unwrap();
    fs::write(site.file("new"), "a-new-token").unwrap();
    let token = site.file("secrets/token");
    let config = format!("[verifik]\ntoken_file = {token:?}\n");
    fs::write(site.file("empty.toml"), config).unwrap();
    let whose = || {
        let found = fs::metadata(&token).unwrap();
        (found.uid(), found.gid(), found.mode() & 0o777)
    };
    let first = site.json("a", &["token", "set", "new"]);
    assert_eq!(whose(), (SERVICE, SERVICE, 0o600), "the agent's, where there was none");
    chown(&token, Some(0), Some(SERVICE)).unwrap();
    open(&token, 0o640).unwrap();
    let second = site.json("a", &["token", "set", "new"]);
    assert_eq!(whose(), (0, SERVICE, 0o640), "whose it was");
    assert_eq!(
        (&first["warnings"], &second["warnings"]),
        (&serde_json::json!([]), &serde_json::json!([]))
    );
    open(&site.file("secrets"), 0o700).unwrap();
    let locked = site.json("a", &["token", "set", "new"])["warnings"].to_string();
    assert!(locked.contains("the agent's user 4321 may not read it"), "{locked}");
}

#[test]
fn root_leaves_no_file_in_the_services_state_that_the_service_cannot_read() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can become somebody else");
        return;
    }
    const SERVICE: u32 = 4_321;
    let site = Site::new();
    fs::set_permissions(site.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(site.file("a")).unwrap();
    chown(site.file("a"), Some(SERVICE), Some(SERVICE)).unwrap();
    site.queue("a", &["update", "p1", "--name", "Ada"]);
    fs::write(site.file("token"), "a-bare-token").unwrap();
    site.queue("a", &["token", "set", "token"]);
    site.queue("a", &["queue", "export", "x.age", "--passphrase-file", "passphrase"]);
    site.queue("a", &["queue", "drop", "u1", "--yes"]);
    let mut dirs = vec![site.file("a")];
    while let Some(dir) = dirs.pop() {
        for file in fs::read_dir(dir).unwrap() {
            let path = file.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            assert_eq!((metadata.uid(), metadata.gid()), (SERVICE, SERVICE), "{}", path.display());
            if metadata.is_dir() {
                dirs.push(path);
            }
        }
    }
    assert_eq!(fs::metadata(site.file("x.age")).unwrap().uid(), 0, "the export is the caller's");
}
