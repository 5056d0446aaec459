//! The embedded clip: a person walks up, turned and moving, stands still, and leaves.

use std::fs;
use std::io;
use std::path::Path;

macro_rules! frames {
    ($($name:literal)*) => {
        &[$(($name, include_bytes!(concat!("../../assets/walkup/", $name)))),*]
    };
}

/// Name and bytes of each frame, ten a second.
const FRAMES: &[(&str, &[u8])] = frames!(
    "000.jpg" "001.jpg" "002.jpg" "003.jpg" "004.jpg" "005.jpg"
    "006.jpg" "007.jpg" "008.jpg" "009.jpg" "010.jpg" "011.jpg"
    "012.jpg" "013.jpg" "014.jpg" "015.jpg" "016.jpg" "017.jpg"
    "018.jpg" "019.jpg" "020.jpg" "021.jpg" "022.jpg" "023.jpg"
    "024.jpg" "025.jpg" "026.jpg" "027.jpg" "028.jpg" "029.jpg"
    "030.jpg" "031.jpg" "032.jpg" "033.jpg" "034.jpg" "035.jpg"
    "036.jpg" "037.jpg" "038.jpg" "039.jpg" "040.jpg" "041.jpg"
    "042.jpg" "043.jpg" "044.jpg" "045.jpg" "046.jpg" "047.jpg"
    "048.jpg" "049.jpg" "050.jpg" "051.jpg" "052.jpg" "053.jpg"
    "054.jpg" "055.jpg" "056.jpg" "057.jpg" "058.jpg" "059.jpg"
);

/// The clip's frames a second.
pub(super) const FPS: u32 = 10;

/// Writes the frames into a folder, for the replay source.
///
/// # Errors
/// When the folder cannot be written.
pub(super) fn write_into(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    FRAMES.iter().try_for_each(|(name, bytes)| fs::write(folder.join(name), bytes))
}
