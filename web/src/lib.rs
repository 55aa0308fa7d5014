//! Models in a browser: the functions that the page calls.
//!
//! Numbers go in and out as arrays, everything else as JSON. The functions stand in two groups, each a type: [`Loaded`]
//! is a model of a file, [`Training`] is one that learns while the page shows it. Errors are JavaScript errors with the
//! text of candlewick's.

mod learner;
mod plane;
mod predictor;

use learner::Learner;
use predictor::Predictor;
use wasm_bindgen::prelude::*;

fn thrown(error: impl ToString) -> JsError {
    JsError::new(&error.to_string())
}

/// Model of a file.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Loaded(Predictor);

#[wasm_bindgen]
impl Loaded {
    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// Bytes that are no model.
    #[wasm_bindgen(constructor)]
    pub fn new(bytes: &[u8]) -> Result<Self, JsError> {
        Predictor::new(bytes).map(Self).map_err(thrown)
    }

    /// Returns what the model takes and gives, as JSON.
    #[wasm_bindgen]
    pub fn about(&self) -> String {
        self.0.about().to_string()
    }

    /// Returns the circuit of quantum layer `index` as SVG in a theme, `light` or `dark`; nothing if there are fewer.
    ///
    /// # Errors
    /// A circuit that is too large for a drawing.
    #[wasm_bindgen]
    pub fn circuit(&self, index: usize, width: f64, theme: &str) -> Result<Option<String>, JsError> {
        self.0.circuit(index, width, theme).map_err(thrown)
    }

    /// Returns the probabilities of the classes over the model's plane, as [`Training::grid`] does.
    ///
    /// # Errors
    /// A model without a plane; a side beyond 512.
    #[wasm_bindgen]
    pub fn grid(&self, side: usize) -> Result<Vec<f64>, JsError> {
        self.0.grid(side).map_err(thrown)
    }

    /// Returns Bloch vectors, as [`Training::bloch`] does.
    ///
    /// # Errors
    /// candlewick's errors.
    #[wasm_bindgen]
    pub fn bloch(&self, points: &[f64]) -> Result<Vec<f64>, JsError> {
        self.0.bloch(points).map_err(thrown)
    }

    /// Returns the predictions for a table of text, as JSON.
    ///
    /// # Errors
    /// A table that does not fit the model.
    #[wasm_bindgen]
    pub fn predict_table(&self, text: &str) -> Result<String, JsError> {
        self.0.predict_table(text).map(|answer| answer.to_string()).map_err(thrown)
    }

    /// Returns the numbers that the model gives for samples, row by row: probabilities of classes, values or outputs.
    ///
    /// # Errors
    /// Numbers that are no rows of the model's input.
    #[wasm_bindgen]
    pub fn predict(&self, rows: &[f64]) -> Result<Vec<f64>, JsError> {
        self.0.predict(rows).map_err(thrown)
    }
}

/// Model that learns two-dimensional points of some classes.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Training(Learner);

#[wasm_bindgen]
impl Training {
    /// Makes points and an untrained model from settings: a JSON object with `data` (`circles`, `moons`, `spirals`, or
    /// the text of a table whose last column is the class), `qubits`, `layers`, `rate` and `seed`.
    ///
    /// # Errors
    /// Settings that are out of range, and a table that is no points of classes.
    #[wasm_bindgen(constructor)]
    pub fn new(settings: &str) -> Result<Self, JsError> {
        Learner::new(settings).map(Self).map_err(thrown)
    }

    /// Returns the points, three numbers each: both coordinates and the class.
    #[wasm_bindgen]
    pub fn points(&self) -> Vec<f64> {
        self.0.points()
    }

    /// Returns the coordinates of the points, two numbers each.
    #[wasm_bindgen]
    pub fn places(&self) -> Vec<f64> {
        self.0.places()
    }

    /// Returns the names of the classes and the range of the points, as JSON.
    #[wasm_bindgen]
    pub fn about(&self) -> String {
        self.0.about().to_string()
    }

    /// Takes steps over all points, and returns loss and accuracy before the last of them.
    ///
    /// # Errors
    /// A loss that is not finite.
    #[wasm_bindgen]
    pub fn steps(&mut self, count: usize) -> Result<Vec<f64>, JsError> {
        self.0.steps(count).map_err(thrown)
    }

    /// Sets the learning rate of further steps.
    ///
    /// # Errors
    /// A rate that is not finite or below 0.
    #[wasm_bindgen]
    pub fn set_rate(&mut self, rate: f64) -> Result<(), JsError> {
        self.0.set_rate(rate).map_err(thrown)
    }

    /// Returns the probabilities of the classes at the centres of a grid of `side` by `side` cells over the range of
    /// the points: row by row from the top, the classes of a cell side by side.
    ///
    /// # Errors
    /// A side beyond 512.
    #[wasm_bindgen]
    pub fn grid(&self, side: usize) -> Result<Vec<f64>, JsError> {
        self.0.grid(side).map_err(thrown)
    }

    /// Returns the probabilities of the classes at points, row by row.
    ///
    /// # Errors
    /// Numbers that are no points.
    #[wasm_bindgen]
    pub fn predict(&self, points: &[f64]) -> Result<Vec<f64>, JsError> {
        self.0.predict(points).map_err(thrown)
    }

    /// Returns the Bloch vector of each qubit at the end of the circuit for points, three numbers each.
    ///
    /// # Errors
    /// Numbers that are no points.
    #[wasm_bindgen]
    pub fn bloch(&self, points: &[f64]) -> Result<Vec<f64>, JsError> {
        self.0.bloch(points).map_err(thrown)
    }

    /// Returns the circuit as SVG in a theme, `light` or `dark`.
    ///
    /// # Errors
    /// A circuit that is too large for a drawing.
    #[wasm_bindgen]
    pub fn circuit(&self, width: f64, theme: &str) -> Result<String, JsError> {
        self.0.circuit(width, theme).map_err(thrown)
    }

    /// Returns the file of the model.
    ///
    /// # Errors
    /// Weights that are not finite.
    #[wasm_bindgen]
    pub fn save(&self) -> Result<Vec<u8>, JsError> {
        self.0.save().map_err(thrown)
    }
}
