//! The embedded nets and the engine that runs them.
//!
//! `models/PROVENANCE.md` says where each comes from. A net is optimised once, when it is loaded, and keeps
//! its working state: loading costs tens of milliseconds on a desktop and up to a second on a small board,
//! so it belongs to the start and not to the first person.

use tract_nnef::prelude::*;

use super::VisionError;

/// Frames the whole picture, for the idle look: 1 x 3 x 128 x 160, BGR, 0 to 255.
pub(super) const COARSE_DETECTOR: Source = Source {
    name: "face_detection_yunet_160x128",
    archive: include_bytes!("../../models/face_detection_yunet_160x128.nnef.tar"),
};

/// The same detector with four times the pixels: 1 x 3 x 256 x 320, BGR, 0 to 255.
pub(super) const FINE_DETECTOR: Source = Source {
    name: "face_detection_yunet_320x256",
    archive: include_bytes!("../../models/face_detection_yunet_320x256.nnef.tar"),
};

/// The face mesh: 1 x 3 x 192 x 192, RGB, 0 to 1.
pub(super) const FACE_MESH: Source = Source {
    name: "face_landmark",
    archive: include_bytes!("../../models/face_landmark.nnef.tar"),
};

/// The eye: 1 x 3 x 64 x 64, RGB, 0 to 1.
pub(super) const IRIS: Source = Source {
    name: "iris_landmark",
    archive: include_bytes!("../../models/iris_landmark.nnef.tar"),
};

/// A net as it is embedded in the program.
pub(super) struct Source {
    name: &'static str,
    archive: &'static [u8],
}

/// A net ready to run.
pub(super) struct Net {
    name: &'static str,
    rows: usize,
    columns: usize,
    state: TypedSimpleState,
}

impl Net {
    /// Loads and optimises an embedded net.
    ///
    /// # Errors
    /// [`VisionError::Net`] when the archive cannot be read or its input is not 1 x 3 x rows x columns.
    pub(super) fn load(source: &Source) -> Result<Self, VisionError> {
        let failed = |what: String| VisionError::Net { net: source.name, what };
        let model = tract_nnef::nnef()
            .model_for_read(&mut &*source.archive)
            .map_err(|cause| failed(format!("{cause:#}")))?;
        let shape = model.input_fact(0).ok().and_then(|fact| fact.shape.as_concrete());
        let &[1, 3, rows, columns] = shape.unwrap_or_default() else {
            return Err(failed(format!("the input is {shape:?}, not 1 x 3 x rows x columns")));
        };
        let state = model
            .into_optimized()
            .and_then(|model| model.into_runnable())
            .and_then(|plan| plan.spawn())
            .map_err(|cause| failed(format!("{cause:#}")))?;
        Ok(Self { name: source.name, rows, columns, state })
    }

    /// Its name in error messages.
    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    /// Rows of the input.
    pub(super) const fn rows(&self) -> usize {
        self.rows
    }

    /// Columns of the input.
    pub(super) const fn columns(&self) -> usize {
        self.columns
    }

    /// Runs the net on the input that `fill` writes: three planes of rows x columns values, zero at first.
    ///
    /// Gives the outputs in the net's own order, each flattened.
    ///
    /// # Errors
    /// [`VisionError::Net`] when the engine fails.
    pub(super) fn run(&mut self, fill: impl FnOnce(&mut [f32])) -> Result<Outputs, VisionError> {
        let failed =
            |cause: TractError| VisionError::Net { net: self.name, what: format!("{cause:#}") };
        let mut input = Tensor::zero::<f32>(&[1, 3, self.rows, self.columns]).map_err(failed)?;
        let mut view = input.try_as_plain_ram_mut().map_err(failed)?;
        fill(view.as_slice_mut::<f32>().map_err(failed)?);
        let outputs = self.state.run(tvec!(input.into())).map_err(failed)?;
        Ok(Outputs { net: self.name, values: outputs })
    }
}

/// What a net said.
pub(super) struct Outputs {
    net: &'static str,
    values: TVec<TValue>,
}

impl Outputs {
    /// The output with this number, flattened.
    ///
    /// # Errors
    /// [`VisionError::Net`] when the net has no such output or it does not hold `length` numbers.
    pub(super) fn get(&self, number: usize, length: usize) -> Result<&[f32], VisionError> {
        self.values
            .get(number)
            .and_then(|tensor| tensor.as_plain_ram()?.as_slice::<f32>().ok())
            .filter(|values| values.len() == length)
            .ok_or_else(|| VisionError::Net {
                net: self.net,
                what: format!("output {number} does not hold {length} numbers"),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_archive_is_an_error_that_names_the_net() {
        let torn = Source { name: "torn", archive: &IRIS.archive[..5000] };
        let error = Net::load(&torn).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.starts_with("net torn: "), "{error}");
    }

    #[test]
    fn an_output_of_another_length_is_an_error_and_not_a_panic() {
        let mut net = Net::load(&IRIS).unwrap();
        let outputs = net.run(|_| {}).unwrap();
        assert!(outputs.get(0, 213).is_ok());
        assert!(outputs.get(0, 214).is_err());
        assert!(outputs.get(7, 213).is_err());
    }
}
