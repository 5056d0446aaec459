//! The same picture decoded by Debian's libturbojpeg, in turns with ours: what C and assembly would gain.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::table::{Times, row};

/// Times `ours` and libturbojpeg's decoding to colour and to grey in turns, so that a busy machine hits all alike.
pub(crate) fn compare(jpeg: &[u8], rounds: usize, mut ours: impl FnMut()) {
    let folder = tempfile::tempdir().unwrap();
    let (program, picture) = (folder.path().join("turbojpeg"), folder.path().join("picture.jpg"));
    std::fs::write(&picture, jpeg).unwrap();
    let built = Command::new("cc")
        .args(["-O2", "benches/kiosk/turbojpeg.c", "-lturbojpeg", "-o"])
        .arg(&program)
        .stderr(Stdio::null())
        .status();
    if !built.is_ok_and(|status| status.success()) {
        println!("  libturbojpeg is not here to compare with: apt-get install libturbojpeg0-dev");
        return;
    }
    let mut child = Command::new(program)
        .arg(picture)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut theirs =
        Theirs(child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        let began = Instant::now();
        ours();
        times[0].push(began.elapsed());
        times[1].push(theirs.decode(b'c'));
        times[2].push(theirs.decode(b'g'));
    }
    drop(theirs);
    child.wait().unwrap();
    let [ours, colour, grey] = times.map(Times::sorted);
    row("decode (strict, RGB), in turns with", &ours);
    row("  libturbojpeg (C and assembly, not strict), RGB", &colour);
    row("  libturbojpeg, grey only", &grey);
    let ratio = ours.millis(0.5) / colour.millis(0.5);
    println!("  {:<52} {ratio:8.2} times libturbojpeg's time", "ours, p50");
}

/// The other program's ends.
struct Theirs(ChildStdin, BufReader<ChildStdout>);

impl Theirs {
    fn decode(&mut self, mode: u8) -> Duration {
        self.0.write_all(&[mode]).unwrap();
        let mut line = String::new();
        self.1.read_line(&mut line).unwrap();
        Duration::from_nanos(line.trim().parse().unwrap())
    }
}
