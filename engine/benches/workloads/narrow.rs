//! Map, filter and sum over 10⁹ numbers that are made on the way.

use crate::Workload;
use crate::chunks;
use crate::input::Data;
use dpark::{DparkContext, Result};

pub(crate) const WORKLOAD: Workload =
    Workload { name: "narrow", script: "narrow", files: &[], limits: (1.5, 2.0), engine, twin };

fn numbers(data: &Data) -> i64 {
    (1e9 * data.scale) as i64
}

fn engine(ctx: &DparkContext, data: &Data) -> Result<String> {
    let sum = ctx.range(0, numbers(data)).map(|x| x * 3 + 1).filter(|x| x % 2 == 0).sum()?;
    Ok(sum.to_string())
}

fn twin(data: &Data) -> String {
    let (numbers, threads) = (numbers(data), data.threads as i64);
    let parts = (0..threads).map(|part| numbers * part / threads..numbers * (part + 1) / threads).collect();
    let sums = chunks::map(data.threads, parts, |range| range.map(|x| x * 3 + 1).filter(|x| x % 2 == 0).sum::<i64>());
    sums.iter().sum::<i64>().to_string()
}
