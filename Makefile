# What people and CI do with this repository; `make` alone lists it.
# Recipes are plain sh; GNU make is the one Debian ships.

ARGS =
PROOF = all
ROUNDS =
SEED =
CLIPS =
CLIP =
CRATES =
TARGET = aarch64-unknown-linux-gnu
ARCH =
FLOOR =
export FLOOR

# cross looks for Cross.toml only, and a relative CROSS_CONFIG that it does not find it passes over in silence.
CROSS_CONFIG := $(CURDIR)/cross.toml
export CROSS_CONFIG

.PHONY: help setup demo test check proof-queue bench bench-python eval camera-lab models cross cross-test cross-container \
    deb deb-test boot-test bundle bundle-test clean

help: ## lists these targets
	@awk -F ':[^#]*## ' '/^[a-z-]+:[^#]*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

setup: ## installs what building needs and is missing (Debian, Raspberry Pi OS)
	@sh scripts/setup.sh

demo: setup ## the whole story without camera or account; ARGS="--serve" keeps its page open
	cargo build --release --locked
	"$${CARGO_TARGET_DIR:-target}/release/kiosk-enroll" demo $(ARGS)

test: setup ## every test; ARGS="--test layout" runs some
	cargo test --locked $(ARGS)

check: setup ## what CI asks for: format, lints, documentation, tests, licences
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps --locked
	cargo test --locked
	@sh scripts/optional_checks.sh

proof-queue: setup ## the queue under kills, power cuts (root), damage, a full disk; PROOF=kill ROUNDS=50 SEED=7
	case "$(PROOF)" in all|model) SEED="$(SEED)" cargo test --locked --lib queue::model -- --nocapture ;; esac
	case "$(PROOF)" in model) ;; *) cargo test --release --locked --test proofs -- \
		--proof "$(PROOF)" --rounds "$(ROUNDS)" --seed "$(SEED)" ;; esac

bench: setup ## measures the nets, the queue and the courier
	cargo bench --locked $(ARGS)

bench-python: setup ## a tracked frame beside a Python program on the same frames; ROUNDS=3
	sh benches/python/run.sh $(ROUNDS)

eval: setup ## what measures, gates and choice are worth, into docs/evaluation.md; CLIPS=24 for a short run, CLIP=7 to look at one
	CLIPS="$(CLIPS)" CLIP="$(CLIP)" cargo bench --locked --bench eval $(ARGS)

camera-lab: ## a USB camera without hardware: the real program on the kernel's own driver, in QEMU; ARCH=aarch64 ARGS="replug"
	ARCH="$(ARCH)" sh lab/run.sh $(ARGS)

models: ## rebuilds the nets in models/ from their published packages and compares
	sh models/rebuild.sh

cross: ## release build for a kiosk; TARGET=armv7-unknown-linux-gnueabihf for 32 bits, FLOOR=2.31 for bullseye
	@sh scripts/cross.sh "$(TARGET)"

cross-test: ## in qemu-user the cross-built program decides as this machine's, and carries an update
	@sh scripts/cross_test.sh "$(TARGET)"

cross-container: ## the same by the real cross (podman, root); CRATES="ring v4l2-sys-mit" for the hard ones alone
	@sh scripts/cross_container.sh "$(TARGET)" $(CRATES)

deb: ## the Debian package of this machine, or with TARGET=... of a kiosk
	@sh scripts/deb.sh $(if $(filter command% environment%,$(origin TARGET)),"$(TARGET)")

# The package of this machine that `make deb` has made.
PACKAGE = "$$(ls -t "$${CARGO_TARGET_DIR:-target}"/debian/*_"$$(dpkg --print-architecture)".deb | head -n 1)"

deb-test: deb ## installs, upgrades, removes, purges the package in a Debian of its own (root)
	@sh scripts/deb_test.sh $(PACKAGE)

boot-test: deb ## the package in a booted Debian: start, watchdog, reload, credentials, stop, upgrade (root)
	@sh scripts/boot_test.sh $(PACKAGE)

bundle: setup ## a USB stick's worth: packages for every kiosk, checksums, bill of materials, quick start
	@sh scripts/bundle.sh $(if $(filter command% environment%,$(origin TARGET)),"$(TARGET)")

bundle-test: deb ## a bundle of this machine's package is whole, signed, the same twice; damage is noticed
	@sh scripts/bundle_test.sh $(PACKAGE)

clean: ## removes everything that was built
	cargo clean
