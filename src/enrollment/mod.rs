//! Decides, without any I/O, what a capture session does next: guidance, candidates, the choice of shots.
