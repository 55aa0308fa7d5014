//! The data sets: tables that come with the repository, and point clouds made from a seed.

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use rand::Rng;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::f64::consts::{PI, TAU};

/// Which data set to learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dataset {
    /// Two concentric circles and two features of pure noise.
    Circles,
    /// Two interleaved half circles and two features of pure noise.
    Moons,
    /// Iris flowers: 150 rows, 4 features, 3 classes.
    Iris,
    /// Wines: 178 rows, 13 features, 3 classes.
    Wine,
    /// Breast cancer: 569 rows, 30 features, 2 classes.
    BreastCancer,
    /// Handwritten digits: 1797 images of 8x8 pixels, 10 classes.
    Digits,
}

/// What a random generator is for. Each purpose has a stream of its own, so that one never shifts another.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// Coordinates of generated points.
    Points,
    /// Which rows are held out for the test.
    Split,
    /// The order of the training samples.
    Batches,
}

/// The generator of a seed for a purpose.
pub(crate) fn generator(seed: u64, purpose: Purpose) -> StdRng {
    StdRng::seed_from_u64(seed.wrapping_mul(4).wrapping_add(purpose as u64))
}

/// Rows of features with their labels.
#[derive(Debug)]
pub(crate) struct Table {
    /// Name of each class.
    pub(crate) classes: Vec<String>,
    /// One row a sample, all of the same width.
    pub(crate) rows: Vec<Vec<f32>>,
    /// Class of each row, below the number of classes.
    pub(crate) labels: Vec<u32>,
}

/// What suits a data set where the command line leaves it open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaults {
    /// Passes over the training set.
    pub(crate) epochs: usize,
    /// Step size of Adam.
    pub(crate) learning_rate: f64,
    /// Width of the layers before and behind the bottleneck.
    pub(crate) hidden: usize,
    /// Width of the bottleneck.
    pub(crate) qubits: usize,
    /// Layers of the circuit.
    pub(crate) layers: usize,
}

/// Points of a generated data set.
const POINTS: usize = 500;
/// Standard deviation of the noise: on their coordinates, and of the features that are nothing else.
const NOISE: f64 = 0.1;
/// Radius of the inner circle relative to the outer one.
const FACTOR: f64 = 0.5;

impl Dataset {
    /// Name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Name in plots.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Circles => "Two circles",
            Self::Moons => "Two moons",
            Self::Iris => "Iris",
            Self::Wine => "Wine",
            Self::BreastCancer => "Breast cancer",
            Self::Digits => "Handwritten digits",
        }
    }

    /// Whether the first two features are coordinates and the rest is noise, so that decisions can be drawn on a plane.
    pub(crate) fn is_plane(self) -> bool {
        matches!(self, Self::Circles | Self::Moons)
    }

    /// Ten classes need more room than four qubits leave between them; the others keep to the smallest network.
    pub(crate) fn defaults(self) -> Defaults {
        match self {
            Self::Digits => Defaults { epochs: 40, learning_rate: 0.005, hidden: 64, qubits: 8, layers: 3 },
            _ => Defaults { epochs: 50, learning_rate: 0.01, hidden: 16, qubits: 4, layers: 2 },
        }
    }

    /// The samples; the seed matters only to those that are generated.
    pub(crate) fn load(self, seed: u64) -> Result<Table> {
        let table = match self {
            Self::Circles => points(seed, "circle", circle),
            Self::Moons => points(seed, "moon", moon),
            Self::Iris => with_header(include_str!("../data/iris.csv"))?,
            Self::Wine => with_header(include_str!("../data/wine.csv"))?,
            Self::BreastCancer => with_header(include_str!("../data/breast_cancer.csv"))?,
            Self::Digits => {
                let digits = (0..10).map(|digit| digit.to_string()).collect();
                parse(include_str!("../data/digits.csv").lines(), digits)?
            }
        };
        Ok(table)
    }
}

/// Point `t` in [0, 1) of the outer (0) or inner (1) circle.
fn circle(class: usize, t: f64) -> [f64; 2] {
    let radius = if class == 0 { 1.0 } else { FACTOR };
    [radius * (TAU * t).cos(), radius * (TAU * t).sin()]
}

/// Point `t` in [0, 1) of the upper (0) or lower (1) half circle.
fn moon(class: usize, t: f64) -> [f64; 2] {
    let (x, y) = ((PI * t).cos(), (PI * t).sin());
    if class == 0 { [x, y] } else { [1.0 - x, 0.5 - y] }
}

/// Noisy points along two curves, each followed by two features that mean nothing.
fn points(seed: u64, kind: &str, curve: fn(usize, f64) -> [f64; 2]) -> Table {
    let mut rng = generator(seed, Purpose::Points);
    let labels: Vec<u32> = (0..POINTS).map(|k| (k % 2) as u32).collect();
    let row = |(k, &label): (usize, &u32)| {
        let [x, y] = curve(label as usize, (k / 2) as f64 / (POINTS / 2) as f64);
        [x, y, 0.0, 0.0].map(|value| (value + NOISE * normal(&mut rng)) as f32).to_vec()
    };
    let rows = labels.iter().enumerate().map(row).collect();
    let names = if kind == "circle" { ["outer", "inner"] } else { ["upper", "lower"] };
    Table { classes: names.map(|name| format!("{name} {kind}")).to_vec(), rows, labels }
}

/// A standard normal variate (Box and Muller).
fn normal(rng: &mut StdRng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * u.ln()).sqrt() * (TAU * v).cos()
}

/// Reads a table whose first line is `rows,features,class names..`.
fn with_header(text: &str) -> Result<Table> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().context("the table is empty")?.split(',').collect();
    let [rows, features, classes @ ..] = header.as_slice() else {
        anyhow::bail!("the first line must read `rows,features,class names`");
    };
    let table = parse(lines, classes.iter().map(|&name| name.to_owned()).collect())?;
    let (rows, features): (usize, usize) = (rows.parse()?, features.parse()?);
    let actual = (table.rows.len(), table.rows.first().map_or(0, Vec::len));
    ensure!(actual == (rows, features), "{rows} rows of {features} features were announced, {actual:?} are there");
    Ok(table)
}

/// Reads lines of features with the label last.
fn parse<'a>(lines: impl Iterator<Item = &'a str>, classes: Vec<String>) -> Result<Table> {
    let mut table = Table { classes, rows: Vec::new(), labels: Vec::new() };
    for (number, line) in lines.enumerate() {
        let (features, label) = line.rsplit_once(',').with_context(|| format!("data line {number} has one field"))?;
        let row: Result<Vec<f32>, _> = features.split(',').map(str::parse).collect();
        let row = row.with_context(|| format!("data line {number}"))?;
        let label: u32 = label.parse().with_context(|| format!("label of data line {number}"))?;
        ensure!((label as usize) < table.classes.len(), "data line {number}: there is no class {label}");
        ensure!(table.rows.first().is_none_or(|first| first.len() == row.len()), "data line {number}: another width");
        table.rows.push(row);
        table.labels.push(label);
    }
    ensure!(!table.rows.is_empty(), "the table has no rows");
    Ok(table)
}
