//! Parses raw values into the types of [`Config`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::keys::GATES;
use super::layers::{Layers, Origin, Raw};
use super::{
    Capture, ClientCertificate, Config, ConfigError, Delivery, QueueLimits, Trigger, Verifik,
};
use crate::domain::{ENROLLMENT_TIMES, Liveness, Profile};
use crate::vision::image::Framing;

const LOCALES: [&str; 3] = ["en", "es", "pt-BR"];
const MIB: u64 = 1 << 20;
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

impl Config {
    /// Parses the gathered values.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for the first value that cannot be used, with its origin and what is allowed.
    pub fn resolve(layers: &Layers) -> Result<Self, ConfigError> {
        let read = Reader { layers };
        Ok(Self {
            kiosk_id: read.kiosk_id()?,
            locale: read.choice("kiosk.locale", &LOCALES)?,
            camera: read.camera()?,
            capture: read.capture()?,
            verifik: read.verifik()?,
            queue: QueueLimits {
                max_bytes: read.bytes("queue.max_bytes", MIB)?,
                max_items: read.number("queue.max_items", 1..=1_000_000)? as usize,
                max_age: read.duration("queue.max_age", HOUR..=DAY * 3653)?,
                key_file: read.path("queue.key_file")?,
            },
            delivery: read.delivery()?,
            web_listen: read.listen()?,
            metrics_file: read.metrics_file()?,
            trigger: Trigger {
                qr: read.switch("trigger.qr")?,
                roster: read.path("trigger.roster")?,
            },
        })
    }
}

/// Reads single values.
pub(super) struct Reader<'a> {
    layers: &'a Layers,
}

impl Reader<'_> {
    pub(super) fn raw(&self, path: &str) -> Result<(Raw, Origin), ConfigError> {
        self.layers.get(path).cloned().ok_or_else(|| ConfigError::UnknownKey {
            key: path.to_owned(),
            origin: Origin::Default,
            nearest: None,
        })
    }

    pub(super) fn refuse<T>(
        &self,
        path: &str,
        allowed: impl Into<String>,
    ) -> Result<T, ConfigError> {
        let (raw, origin) = self.raw(path)?;
        Err(ConfigError::Value {
            key: path.to_owned(),
            found: raw.to_string(),
            allowed: allowed.into(),
            origin,
        })
    }

    pub(super) fn text(&self, path: &str) -> Result<String, ConfigError> {
        match self.raw(path)?.0 {
            Raw::Text(text) => Ok(text),
            _ => self.refuse(path, "a string in quotes"),
        }
    }

    fn path(&self, path: &str) -> Result<Option<PathBuf>, ConfigError> {
        let text = self.text(path)?;
        Ok((!text.is_empty()).then(|| PathBuf::from(text)))
    }

    fn switch(&self, path: &str) -> Result<bool, ConfigError> {
        match self.raw(path)?.0 {
            Raw::Switch(on) => Ok(on),
            _ => self.refuse(path, "true or false"),
        }
    }

    pub(super) fn number(
        &self,
        path: &str,
        allowed: RangeInclusive<u32>,
    ) -> Result<u32, ConfigError> {
        match self.raw(path)?.0 {
            Raw::Integer(n) if u32::try_from(n).is_ok_and(|n| allowed.contains(&n)) => {
                Ok(u32::try_from(n).unwrap_or(*allowed.end()))
            }
            _ => self.refuse(
                path,
                format!("a whole number from {} to {}", allowed.start(), allowed.end()),
            ),
        }
    }

    pub(super) fn duration(
        &self,
        path: &str,
        allowed: RangeInclusive<Duration>,
    ) -> Result<Duration, ConfigError> {
        match humantime::parse_duration(&self.text(path)?) {
            Ok(duration) if allowed.contains(&duration) => Ok(duration),
            _ => self.refuse(
                path,
                format!(
                    "a duration from \"{}\" to \"{}\", written like \"500ms\", \"10s\", \"15m\", \"90d\"",
                    humantime::format_duration(*allowed.start()),
                    humantime::format_duration(*allowed.end())
                ),
            ),
        }
    }

    fn bytes(&self, path: &str, least: u64) -> Result<u64, ConfigError> {
        match self.text(path)?.parse::<bytesize::ByteSize>() {
            Ok(size) if size.as_u64() >= least => Ok(size.as_u64()),
            _ => self.refuse(
                path,
                format!(
                    "a size of at least \"{}\", written like \"512MiB\" or \"2GiB\"",
                    bytesize::ByteSize(least)
                ),
            ),
        }
    }

    fn choice(&self, path: &str, allowed: &[&str]) -> Result<String, ConfigError> {
        let text = self.text(path)?;
        if allowed.contains(&text.as_str()) {
            Ok(text)
        } else {
            self.refuse(path, format!("one of \"{}\"", allowed.join("\", \"")))
        }
    }

    fn kiosk_id(&self) -> Result<String, ConfigError> {
        let id = self.text("kiosk.id")?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if (1..=64).contains(&id.len()) && id.chars().all(plain) {
            Ok(id)
        } else {
            self.refuse("kiosk.id", "1 to 64 letters, digits, \"-\", \"_\" or \".\"")
        }
    }

    fn capture(&self) -> Result<Capture, ConfigError> {
        let profile = self.choice("capture.profile", &Profile::ALL.map(Profile::name))?;
        let liveness = self.choice("capture.liveness", &Liveness::ALL.map(Liveness::name))?;
        let framing = self.choice("capture.framing", &["portrait", "full"])?;
        Ok(Capture {
            shots: self.number("capture.shots", 1..=3)? as usize,
            timeout: self.duration("capture.timeout", ENROLLMENT_TIMES)?,
            profile: Profile::from_name(&profile).unwrap_or_default(),
            relax_after: self.relax_after()?,
            liveness: Liveness::from_name(&liveness).unwrap_or_default(),
            turned_shot: self.switch("capture.turned_shot")?,
            framing: Framing::from_name(&framing).unwrap_or(Framing::Portrait),
            jpeg_quality: u8::try_from(self.number("capture.jpeg_quality", 92..=100)?)
                .unwrap_or(92),
            gates: self.gates()?,
        })
    }

    fn relax_after(&self) -> Result<Option<Duration>, ConfigError> {
        let path = "capture.relax_after";
        if self.text(path)? == "off" {
            return Ok(None);
        }
        match humantime::parse_duration(&self.text(path)?) {
            Ok(after) if (3..=600).contains(&after.as_secs()) => Ok(Some(after)),
            _ => self.refuse(path, "\"off\", or a duration from \"3s\" to \"10m\""),
        }
    }

    fn gates(&self) -> Result<BTreeMap<String, f64>, ConfigError> {
        let mut gates = BTreeMap::new();
        for (path, raw, _) in self.layers.iter() {
            let Some(name) = path.strip_prefix(GATES).and_then(|rest| rest.strip_prefix('.'))
            else {
                continue;
            };
            let number = match raw {
                #[allow(clippy::cast_precision_loss, reason = "limits are small numbers")]
                Raw::Integer(number) => *number as f64,
                Raw::Float(number) if number.is_finite() => *number,
                _ => return self.refuse(path, "a number in the measure's unit"),
            };
            gates.insert(name.to_owned(), number);
        }
        Ok(gates)
    }

    fn verifik(&self) -> Result<Verifik, ConfigError> {
        const SECOND: Duration = Duration::from_secs(1);
        Ok(Verifik {
            base_url: self.base_url()?,
            token_file: self.path("verifik.token_file")?,
            renew_months: self.renew_months()?,
            ca_file: self.path("verifik.ca_file")?,
            client_certificate: self.client_certificate()?,
            connect_timeout: self.duration("verifik.connect_timeout", SECOND..=SECOND * 300)?,
            read_timeout: self.duration("verifik.read_timeout", SECOND..=SECOND * 300)?,
            request_timeout: self.duration("verifik.request_timeout", SECOND..=SECOND * 1800)?,
        })
    }

    fn renew_months(&self) -> Result<Option<u8>, ConfigError> {
        let path = "verifik.renew_token";
        let months = match self.raw(path)?.0 {
            Raw::Text(text) if text == "never" => return Ok(None),
            Raw::Text(text) => text.parse().ok(),
            Raw::Integer(months) => u8::try_from(months).ok(),
            _ => None,
        };
        match months {
            Some(months @ 1..=12) => Ok(Some(months)),
            _ => self.refuse(path, "\"never\", or a number of months from 1 to 12"),
        }
    }

    /// Both files or none: a server that asks for a certificate refuses half of one.
    fn client_certificate(&self) -> Result<Option<ClientCertificate>, ConfigError> {
        let (cert, key) = ("verifik.client_cert_file", "verifik.client_key_file");
        let missing =
            |path, other| self.refuse(path, format!("a PEM file, because {other} is set"));
        match (self.path(cert)?, self.path(key)?) {
            (Some(cert_file), Some(key_file)) => {
                Ok(Some(ClientCertificate { cert_file, key_file }))
            }
            (None, None) => Ok(None),
            (Some(_), None) => missing(key, cert),
            (None, Some(_)) => missing(cert, key),
        }
    }

    fn base_url(&self) -> Result<String, ConfigError> {
        let path = "verifik.base_url";
        let text = self.text(path)?;
        let allowed = "an https:// address such as \"https://api.verifik.co\", without user, query or fragment \
                       (http:// only to a loopback address)";
        let Ok(url) = reqwest::Url::parse(&text) else { return self.refuse(path, allowed) };
        let host = url.host_str().unwrap_or("");
        let bare_host = host.trim_start_matches('[').trim_end_matches(']');
        let loopback = host == "localhost"
            || bare_host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let scheme_ok = url.scheme() == "https" || (url.scheme() == "http" && loopback);
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if scheme_ok && plain && !host.is_empty() {
            Ok(text.trim_end_matches('/').to_owned())
        } else {
            self.refuse(path, allowed)
        }
    }

    fn delivery(&self) -> Result<Delivery, ConfigError> {
        let backoff_min =
            self.duration("delivery.backoff_min", Duration::from_millis(10)..=HOUR)?;
        Ok(Delivery {
            spread: self.duration("delivery.spread", Duration::ZERO..=HOUR)?,
            backoff_min,
            backoff_max: self.duration("delivery.backoff_max", backoff_min..=DAY)?,
            rate: self.rate()?,
            paused: self.switch("delivery.paused")?,
        })
    }

    /// `COUNT/DURATION`.
    fn rate(&self) -> Result<(u32, Duration), ConfigError> {
        let path = "delivery.rate";
        let text = self.text(path)?;
        let parsed = text.split_once('/').and_then(|(count, per)| {
            let count: u32 =
                count.trim().parse().ok().filter(|count| (1..=1000).contains(count))?;
            let per = humantime::parse_duration(per.trim()).ok()?;
            (per >= Duration::from_millis(1) && per <= HOUR).then_some((count, per))
        });
        match parsed {
            Some(rate) => Ok(rate),
            None => self.refuse(
                path,
                "COUNT/DURATION with 1 to 1000 requests per 1ms to 1h, like \"1/2s\"",
            ),
        }
    }

    fn metrics_file(&self) -> Result<Option<PathBuf>, ConfigError> {
        let path = self.path("web.metrics_file")?;
        let fits =
            |path: &PathBuf| path.is_absolute() && path.extension().is_some_and(|it| it == "prom");
        match path {
            Some(path) if !fits(&path) => self.refuse(
                "web.metrics_file",
                "a path from the root that ends in \".prom\", which is what the collector reads, or \"\"",
            ),
            path => Ok(path),
        }
    }

    fn listen(&self) -> Result<Option<SocketAddr>, ConfigError> {
        let path = "web.listen";
        let text = self.text(path)?;
        if text.is_empty() {
            return Ok(None);
        }
        match text.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => Ok(Some(address)),
            _ => {
                self.refuse(path, "a loopback address with port, like \"127.0.0.1:8480\", or \"\"")
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::super::Sources;
    use super::*;

    fn resolve(settings: &[&str]) -> Result<Config, ConfigError> {
        let settings = settings.iter().map(|s| (*s).to_owned()).collect();
        let gate_keys = vec!["sharpness_max".to_owned()];
        Config::resolve(&Layers::gather(&Sources { settings, gate_keys, ..Sources::default() })?)
    }

    #[test]
    fn the_defaults_are_valid() {
        let config = resolve(&[]).unwrap();
        assert_eq!(config.queue.max_bytes, 2 << 30);
        assert_eq!(config.delivery.rate, (1, Duration::from_secs(2)));
        assert_eq!(config.verifik.base_url, "https://api.verifik.co");
    }

    #[test]
    fn plain_http_is_refused_except_to_loopback() {
        for good in [
            "http://127.0.0.1:8080",
            "http://[::1]:80/",
            "http://localhost:1",
            "https://x.test/base/",
        ] {
            assert!(resolve(&[&format!("verifik.base_url={good}")]).is_ok(), "{good}");
        }
        for bad in [
            "http://api.verifik.co",
            "ftp://api.verifik.co",
            "api.verifik.co",
            "https//api",
            "https://u:p@x.test",
            "https://x.test/?q=1",
            "http://127.0.0.1.evil.test",
            "",
        ] {
            let error = resolve(&[&format!("verifik.base_url={bad}")]).unwrap_err();
            assert!(error.to_string().contains("allowed is an https://"), "{error}");
        }
    }

    #[test]
    fn a_client_certificate_needs_both_of_its_files() {
        let cert = "verifik.client_cert_file=/etc/kiosk.pem";
        let key = "verifik.client_key_file=/etc/kiosk.key";
        let both = resolve(&[cert, key]).unwrap().verifik.client_certificate.unwrap();
        assert_eq!(both.cert_file, PathBuf::from("/etc/kiosk.pem"));
        assert_eq!(both.key_file, PathBuf::from("/etc/kiosk.key"));
        assert!(resolve(&[]).unwrap().verifik.client_certificate.is_none());
        for (half, missing) in [(cert, "client_key_file"), (key, "client_cert_file")] {
            let error = resolve(&[half]).unwrap_err();
            assert!(error.to_string().contains(&format!("verifik.{missing} = \"\"")), "{error}");
            assert!(error.to_string().contains("a PEM file, because"), "{error}");
        }
    }

    #[test]
    fn a_token_is_renewed_for_months_or_never() {
        let months = |text: &str| {
            let set = format!("verifik.renew_token={text}");
            resolve(&[&set]).map(|config| config.verifik.renew_months)
        };
        assert_eq!(resolve(&[]).unwrap().verifik.renew_months, None);
        assert_eq!((months("never").unwrap(), months("1").unwrap()), (None, Some(1)));
        for bad in ["0", "13", "always", "-1", "true"] {
            assert!(months(bad).unwrap_err().to_string().contains("from 1 to 12"), "{bad}");
        }
    }

    #[test]
    fn values_out_of_bounds_say_what_is_allowed() {
        for (setting, said) in [
            ("camera.width=99999", "160 to 7680"),
            ("camera.fps=fast", "1 to 120"),
            ("capture.timeout=1h", "3s"),
            ("capture.profile=lenient", "\"matching\""),
            ("capture.relax_after=1s", "\"3s\" to \"10m\""),
            ("capture.liveness=smile", "\"turn\""),
            ("kiosk.locale=fr", "\"pt-BR\""),
            ("kiosk.id=a b", "letters"),
            ("queue.max_bytes=12", "1.0 MiB"),
            ("verifik.read_timeout=0s", "\"1s\" to \"5m\""),
            ("delivery.rate=fast", "COUNT/DURATION"),
            ("delivery.paused=maybe", "true or false"),
            ("web.listen=0.0.0.0:80", "loopback"),
            ("web.metrics_file=/var/lib/kiosk.txt", ".prom"),
            ("capture.gates.sharpness_max=high", "a number"),
        ] {
            let error = resolve(&[setting]).unwrap_err();
            assert!(error.to_string().contains(said), "{setting}: {error}");
        }
    }
}
