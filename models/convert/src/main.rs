//! Writes an ONNX graph as an NNEF archive, and runs NNEF archives with the engine that the agent uses.
//!
//! Usage: `convert write NET.onnx NET.nnef.tar`
//!        `convert run NET.nnef.tar INPUTS.f32 OUTPUTS.f32`
//!
//! `INPUTS.f32` holds any number of inputs, one behind the other, as little-endian `f32`; `OUTPUTS.f32`
//! receives all outputs of the first input in the net's order, then those of the second, and so on.

use std::fs;

use anyhow::{Context, Result, bail};
use tract_onnx::prelude::*;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["write", onnx, archive] => write(onnx, archive),
        ["run", archive, inputs, outputs] => run(archive, inputs, outputs),
        _ => bail!(
            "usage: convert write NET.onnx NET.nnef.tar | convert run NET.nnef.tar IN.f32 OUT.f32"
        ),
    }
}

fn write(onnx: &str, archive: &str) -> Result<()> {
    let model = tract_onnx::onnx().model_for_path(onnx)?.into_typed()?.into_decluttered()?;
    let file = fs::File::create(archive).with_context(|| format!("creating {archive}"))?;
    // Fixed time stamps, so that the same graph always gives the same bytes.
    tract_nnef::nnef().write_to_tar_with_config(&model, file, false, true)?;
    Ok(())
}

fn run(archive: &str, inputs: &str, outputs: &str) -> Result<()> {
    let model = tract_nnef::nnef().model_for_path(archive)?.into_optimized()?;
    let shape: TVec<usize> = model
        .input_fact(0)?
        .shape
        .as_concrete()
        .with_context(|| format!("{archive}: the input has no fixed shape"))?
        .into();
    let mut state = model.into_runnable()?.spawn()?;
    let bytes = fs::read(inputs).with_context(|| format!("reading {inputs}"))?;
    let values: Vec<f32> =
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    let mut all = Vec::new();
    for input in values.chunks_exact(shape.iter().product()) {
        for output in state.run(tvec!(Tensor::from_shape(&shape, input)?.into()))? {
            let values = output.try_as_plain_ram()?.as_slice::<f32>()?;
            all.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        }
    }
    fs::write(outputs, all).with_context(|| format!("writing {outputs}"))
}
