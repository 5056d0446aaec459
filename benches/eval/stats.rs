//! Sums up.

/// The mean; 0 for nothing.
pub(crate) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// The value that `share` of the others do not exceed; 0 for nothing.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = ((sorted.len().max(1) - 1) as f64 * share).round() as usize;
    sorted.get(at).copied().unwrap_or(0.0)
}

/// The share of those that hold, in percent; 0 for nothing.
pub(crate) fn percent(of: impl IntoIterator<Item = bool>) -> f64 {
    let values: Vec<f64> = of.into_iter().map(|holds| f64::from(u8::from(holds)) * 100.0).collect();
    mean(&values)
}
