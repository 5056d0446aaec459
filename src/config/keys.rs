//! The one visible list of configuration keys.

/// What kind of value a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// A whole number.
    Integer,
    /// A number, whole or not, or a word that stands for none.
    NumberOrWord,
    /// `true` or `false`.
    Switch,
}

/// One key: where it stands, its default as TOML, and what it is for.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Section and name, joined by a dot.
    pub path: &'static str,
    /// What kind of value it takes.
    pub kind: Kind,
    /// The default as it stands in a TOML file.
    pub default: &'static str,
    /// What it is for, what is allowed; one sentence a line.
    pub doc: &'static str,
}

/// The prefix under which limits of single gates stand.
pub const GATES: &str = "capture.gates";

const fn key(path: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key { path, kind, default, doc }
}

/// Every key, in the order of the default file.
pub const KEYS: &[Key] = &[
    key(
        "kiosk.id",
        Kind::Text,
        "\"kiosk\"",
        "Names this kiosk in status and logs: 1 to 64 letters, digits, '-', '_' or '.'.",
    ),
    key(
        "kiosk.locale",
        Kind::Text,
        "\"en\"",
        "Language of the guidance: \"en\", \"es\" or \"pt-BR\".",
    ),
    key(
        "camera.source",
        Kind::Text,
        "\"auto\"",
        "Where frames come from: \"auto\", a device path, a name from /dev/v4l/by-id or by-path,\n\"serial:NUMBER\", an index, or \"frames:DIR?fps=10&once\" (replays\nJPEG and PNG files in name order; loops without once).",
    ),
    key(
        "camera.width",
        Kind::Integer,
        "1280",
        "Wished frame width in pixels, 160 to 7680; the camera's best mode for it is taken.",
    ),
    key("camera.height", Kind::Integer, "720", "Wished frame height in pixels, 120 to 4320."),
    key("camera.fps", Kind::Integer, "30", "Wished frames a second, 1 to 120."),
    key(
        "camera.stall_timeout",
        Kind::Text,
        "\"5s\"",
        "A camera that sends nothing for so long is closed and opened again: 500ms to 15s.",
    ),
    key(
        "camera.exposure",
        Kind::Text,
        "\"as_is\"",
        "How long the sensor collects light for a frame: \"auto\", or a time from \"100us\" to \"1s\". Here and below\n\"as_is\" leaves the camera as it is; `kiosk-enroll camera list` shows what it offers, in its own units.",
    ),
    key("camera.gain", Kind::NumberOrWord, "\"as_is\"", "How much it amplifies: 0 to 65535."),
    key(
        "camera.white_balance",
        Kind::NumberOrWord,
        "\"as_is\"",
        "The colour of the light: \"auto\", or 1000 to 12000 (kelvin).",
    ),
    key(
        "camera.focus",
        Kind::NumberOrWord,
        "\"as_is\"",
        "\"auto\", or 0 to 65535, where the lens is held; a kiosk's distance never changes, so held is steadier.",
    ),
    key(
        "camera.power_line_frequency",
        Kind::NumberOrWord,
        "\"as_is\"",
        "Whose lamps' flicker is filtered out: 50 or 60 (hertz), \"auto\" or \"off\".",
    ),
    key(
        "camera.low_light",
        Kind::Text,
        "\"as_is\"",
        "What gives way in the dark: \"keep_rate\" darkens the picture, \"lower_rate\" sends fewer frames.",
    ),
    key(
        "camera.brightness",
        Kind::NumberOrWord,
        "\"as_is\"",
        "An offset on all pixels: -65535 to 65535.",
    ),
    key(
        "camera.backlight_compensation",
        Kind::NumberOrWord,
        "\"as_is\"",
        "How much a face before a bright window is lifted: 0 to 65535.",
    ),
    key(
        "camera.tilt",
        Kind::NumberOrWord,
        "0",
        "Degrees by which the camera looks down (negative: up), -60 to 60. The nod of a head is judged against the\nhorizontal, not against the camera; `kiosk-enroll camera calibrate` proposes it.",
    ),
    key(
        "camera.horizontal_fov",
        Kind::NumberOrWord,
        "\"unknown\"",
        "The lens's horizontal angle of view in degrees, 20 to 160, as its data sheet has it: distances are then\ntold in centimetres.",
    ),
    key(
        "capture.shots",
        Kind::Integer,
        "3",
        "How many shots of a person are sent, 1 to 3; together they replace the enrolled faces.",
    ),
    key("capture.timeout", Kind::Text, "\"30s\"", "How long one enrollment may take: 3s to 10m."),
    key(
        "capture.profile",
        Kind::Text,
        "\"standard\"",
        "How demanding the gates are: \"matching\", \"standard\" or \"strict\".",
    ),
    key(
        "capture.relax_after",
        Kind::Text,
        "\"off\"",
        "\"off\", or after how long without shots the next less demanding profile's gates count as well, and again\nafter as long: 3s to 10m. Identity and liveness are never relaxed; receipts tell what was.",
    ),
    key(
        "capture.liveness",
        Kind::Text,
        "\"off\"",
        "What a person has to show before shots are taken: \"off\", or \"turn\" (the head to a side drawn at random).\nStops most prints, no films: docs/quality.md says how well.",
    ),
    key(
        "capture.turned_shot",
        Kind::Switch,
        "false",
        "true: one of the shots is preferably slightly turned against the best one.",
    ),
    key(
        "capture.framing",
        Kind::Text,
        "\"portrait\"",
        "What is sent: \"portrait\" (head and shoulders, other people stay out) or \"full\" (the whole frame).",
    ),
    key("capture.jpeg_quality", Kind::Integer, "92", "JPEG quality of what is sent, 92 to 100."),
    key(
        "verifik.base_url",
        Kind::Text,
        "\"https://api.verifik.co\"",
        "Where the persons API is. Plain http is refused except to a loopback address.",
    ),
    key(
        "verifik.token_file",
        Kind::Text,
        "\"\"",
        "The file that holds the bearer token. Empty: the systemd credential \"token\" if there is one,\nelse the file \"token\" in the state directory.",
    ),
    key(
        "verifik.renew_token",
        Kind::NumberOrWord,
        "\"never\"",
        "For how many months, 1 to 12, the agent renews the token by itself in the last third of its life, or \"never\".\nThe token that it had stays valid until its end. Only a file that the agent may write is renewed.",
    ),
    key(
        "verifik.ca_file",
        Kind::Text,
        "\"\"",
        "A PEM file: if given, only certificates of these CAs are trusted.",
    ),
    key(
        "verifik.client_cert_file",
        Kind::Text,
        "\"\"",
        "A PEM file with the certificate, and its chain, that this kiosk shows to a server which asks for one.\nWith client_key_file, or neither.",
    ),
    key(
        "verifik.client_key_file",
        Kind::Text,
        "\"\"",
        "A PEM file with the private key of that certificate; only the agent's user should be able to read it.",
    ),
    key(
        "verifik.connect_timeout",
        Kind::Text,
        "\"10s\"",
        "How long a connection may take: 1s to 5m.",
    ),
    key(
        "verifik.read_timeout",
        Kind::Text,
        "\"30s\"",
        "How long a server may pause in the middle of its answer: 1s to 5m.",
    ),
    key(
        "verifik.request_timeout",
        Kind::Text,
        "\"60s\"",
        "How long a request may take; one second is added for each 16 kB sent: 1s to 30m.",
    ),
    key(
        "queue.max_bytes",
        Kind::Text,
        "\"2GiB\"",
        "The most the queue may hold on disk, 1MiB at least; a full queue refuses visibly and drops nothing.",
    ),
    key(
        "queue.max_items",
        Kind::Integer,
        "50000",
        "The most updates the queue may hold, 1 to 1000000.",
    ),
    key(
        "queue.max_age",
        Kind::Text,
        "\"90d\"",
        "New updates are refused once the oldest has waited longer for a line: 1h to 10 years. Receipts and files in\nthe quarantine that are older are removed.",
    ),
    key(
        "queue.key_file",
        Kind::Text,
        "\"\"",
        "The file with the device key that seals the queue. Empty: the systemd credential \"device-key\" if there\nis one, else \"device.key\" in the state directory, made at the first start.",
    ),
    key(
        "delivery.spread",
        Kind::Text,
        "\"120s\"",
        "After an outage each kiosk waits a random part of this before it sends: 0s to 1h.",
    ),
    key(
        "delivery.backoff_min",
        Kind::Text,
        "\"1s\"",
        "The first wait after a failure: 10ms to 1h.",
    ),
    key(
        "delivery.backoff_max",
        Kind::Text,
        "\"15m\"",
        "The longest wait after failures: backoff_min to 24h.",
    ),
    key(
        "delivery.rate",
        Kind::Text,
        "\"1/2s\"",
        "How many requests are sent in the long run, as COUNT/DURATION, for example \"1/2s\" or \"5/1s\".",
    ),
    key(
        "delivery.paused",
        Kind::Switch,
        "false",
        "true stops the delivery; captures go on and wait on disk.",
    ),
    key(
        "web.listen",
        Kind::Text,
        "\"127.0.0.1:8480\"",
        "Where the local page and API listen, a loopback address with port; empty: only on the Unix socket.",
    ),
    key(
        "web.metrics_file",
        Kind::Text,
        "\"\"",
        "A file ending in .prom that is rewritten every 15 s with the figures of GET /metrics, for the textfile\ncollector of node_exporter; empty: none.",
    ),
    key(
        "trigger.qr",
        Kind::Switch,
        "false",
        "true: a QR badge shown to the camera asks for an enrollment.",
    ),
    key(
        "trigger.roster",
        Kind::Text,
        "\"\"",
        "A CSV file with the ids of the persons who may be enrolled by a badge; empty: no list.",
    ),
];

/// The key with this path.
pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// The known path most like `path`, if any is like it at all.
pub fn nearest(path: &str, gate_keys: &[String]) -> Option<String> {
    let leaf = path.rsplit('.').next().unwrap_or(path);
    KEYS.iter()
        .map(|key| key.path.to_owned())
        .chain(gate_keys.iter().map(|name| format!("{GATES}.{name}")))
        .map(|known| {
            let whole = strsim::jaro_winkler(&known, path);
            let last = strsim::jaro_winkler(known.rsplit('.').next().unwrap_or(&known), leaf);
            (whole.max(last), known)
        })
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_key_is_led_to_the_right_one() {
        assert_eq!(nearest("camera.sorce", &[]).unwrap(), "camera.source");
        assert_eq!(nearest("verifik.baseurl", &[]).unwrap(), "verifik.base_url");
        assert_eq!(nearest("camera.paused", &[]).unwrap(), "delivery.paused");
        let gates = ["sharpness_max".to_owned()];
        assert_eq!(
            nearest("capture.gates.sharpnes_max", &gates).unwrap(),
            "capture.gates.sharpness_max"
        );
        assert_eq!(nearest("zzz.qqq", &[]), None);
    }

    #[test]
    fn no_key_stands_twice() {
        let mut paths: Vec<_> = KEYS.iter().map(|key| key.path).collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), KEYS.len());
    }
}
