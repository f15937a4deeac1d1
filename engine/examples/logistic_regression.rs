//! Logistic regression by gradient descent: weights that tell from two features to which of two classes a sample belongs.
//!
//! `cargo run --release -p dpark --example logistic_regression -- -m local[2]`

use dpark::DparkContext;
use std::error::Error;

/// Two features, and a 1 for the constant part.
type Vector = [f64; 3];

const SAMPLES: i64 = 2000;
const STEPS: usize = 50;

#[dpark::closures]
fn main() -> Result<(), Box<dyn Error>> {
    let ctx = DparkContext::from_args()?;
    // Read in every step, so kept in memory.
    let samples = ctx.range(0, SAMPLES).map(sample).cache();

    let mut weights = [0.0; 3];
    for _ in 0..STEPS {
        // The closure captures the weights of this step.
        let gradient = samples.map(|(x, class)| gradient(&weights, &x, class)).reduce(add)?;
        weights = step(weights, gradient);
    }
    let right = samples.filter(|(x, class)| (dot(&weights, x) > 0.0) == *class).count()?;
    println!("weights {weights:.3?} are right about {right} of {SAMPLES} samples");

    // The same without an RDD.
    let mut expected = [0.0; 3];
    for _ in 0..STEPS {
        let gradients = (0..SAMPLES).map(sample).map(|(x, class)| gradient(&expected, &x, class));
        expected = step(expected, gradients.fold([0.0; 3], add));
    }
    if weights.iter().zip(&expected).any(|(a, b)| (a - b).abs() > 1e-9) {
        return Err(format!("a plain loop gives {expected:?}").into());
    }
    Ok(())
}

/// A sample and its class: on which side of a line it lies, but for one in fifty.
fn sample(i: i64) -> (Vector, bool) {
    let x = [(i as f64 * 12.9898).sin(), (i as f64 * 78.233).cos(), 1.0];
    (x, (dot(&[2.0, -1.0, 0.3], &x) > 0.0) != (i % 50 == 0))
}

/// How a sample wants the weights to change.
fn gradient(weights: &Vector, x: &Vector, class: bool) -> Vector {
    let likely = 1.0 / (1.0 + (-dot(weights, x)).exp());
    let error = f64::from(u8::from(class)) - likely;
    x.map(|feature| feature * error)
}

fn step(weights: Vector, gradient: Vector) -> Vector {
    add(weights, gradient.map(|g| 10.0 * g / SAMPLES as f64))
}

fn dot(a: &Vector, b: &Vector) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(a: Vector, b: Vector) -> Vector {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}
