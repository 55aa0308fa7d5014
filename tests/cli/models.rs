//! `train` and `predict`, and models in the other verbs.

use super::{FLOWERS, Folder};
use candlewick::candle_core::Device;
use candlewick::data::{CsvConfig, Split3, Table};
use candlewick::model::Model;
use serde_json::Value;

/// Options of a short training.
const SHORT: [&str; 8] = ["train", "iris.csv", "--label", "species", "--epochs", "8", "--rate", "0.05"];

fn trained(name: &str) -> Folder {
    let folder = Folder::new(name).with("iris.csv", FLOWERS);
    folder.run(&[&SHORT[..], &["--quiet"]].concat()).good();
    folder
}

/// Splits the table as the program does, and returns the part for the test.
fn test_part() -> Table {
    let table = Table::parse(FLOWERS, ',').expect("a table");
    let Split3 { test, .. } = table.split3(&CsvConfig::with_label("species"), 0.2, 0.2, 1).expect("parts");
    test
}

fn csv(table: &Table) -> String {
    let rows = (0..table.len()).map(|row| table.row(row).collect::<Vec<_>>().join(",") + "\n");
    format!("{}\n{}", table.names().join(","), rows.collect::<String>())
}

/// Predictions for the test part have the accuracy that the training has printed, and are those of the library.
#[test]
fn predictions_are_as_good_as_printed() {
    let folder = Folder::new("train").with("iris.csv", FLOWERS).with("test.csv", &csv(&test_part()));
    let ran = folder.run(&SHORT);
    assert!(ran.err.contains("epoch 8/8"), "{}", ran.err);
    let text = ran.good();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "iris.csv: 150 rows, 4 features, label `species` with 3 classes; 90 to train, 30 to choose the epoch, 30 to \
         test (seed 1)"
    );
    assert_eq!(lines[1], "4 -> 16 -> 4 -> quantum (4 qubits, 2 layers, 24 weights) -> 3: 187 parameters");
    assert!(lines[3].contains("most frequent class 0.3333; logistic regression 0.9") || lines[3].ends_with("1.0000"));
    assert!(lines[4].starts_with("wrote model.safetensors ("));
    let printed = lines[3].strip_prefix("test accuracy ").and_then(|rest| rest.split(';').next()).expect("a figure");

    let predicted = folder.run(&["predict", "model.safetensors", "test.csv"]).good();
    let (header, labels) = predicted.split_once('\n').expect("a header");
    assert_eq!(header, "species");
    let test = test_part();
    let right = labels.lines().enumerate().filter(|(row, label)| test.field(*row, 4) == Some(label)).count();
    assert_eq!(format!("{:.4}", right as f64 / test.len() as f64), printed);

    let model = Model::load(folder.path().join("model.safetensors"), &Device::Cpu).expect("a model");
    let own = model.predict_table(&test).expect("a prediction");
    assert_eq!(own.labels(), labels.lines().collect::<Vec<_>>());
    assert_eq!(model.notes()["test: accuracy"], printed);
    assert!(!model.notes().values().any(|note| note.contains(folder.path().to_str().expect("a path"))));
}

/// The options in the note of a model give the model.
#[test]
fn the_note_has_all_options() {
    let folder = Folder::new("note").with("iris.csv", &FLOWERS.replace("sepal_width", "width of 'sepals'"));
    let options = ["--label", "species", "--epochs", "2", "--without", "width of 'sepals'", "--text", "petal_width"];
    folder.run(&[&["train", "iris.csv", "-q"], &options[..], &["--unknown", "zeros"]].concat()).good();
    let model = Model::load(folder.path().join("model.safetensors"), &Device::Cpu).expect("a model");
    let note = &model.notes()["options"];
    let script = format!("set -- {note}; for word do printf '%s\\n' \"$word\"; done");
    let words = std::process::Command::new("sh").args(["-c", &script]).output().expect("a shell").stdout;
    let words = String::from_utf8(words).expect("a text");
    let again: Vec<&str> = ["train", "iris.csv", "-q", "-o", "again"].into_iter().chain(words.lines()).collect();
    folder.run(&again).good();
    assert_eq!(folder.bytes("again"), folder.bytes("model.safetensors"), "{note}");
}

/// Names out of a file do not move the cursor of a terminal.
#[test]
fn control_characters_are_escaped() {
    let folder = Folder::new("control").with("t.csv", "\u{1b}[2Ja,b\n1,2\n");
    assert!(folder.run(&["info", "t.csv"]).good().contains("\\u{1b}[2Ja: numbers"));
    let message = folder.run(&["train", "t.csv", "--label", "c"]).bad(1);
    assert!(message.contains("\\u{1b}[2Ja") && !message.contains('\u{1b}'), "{message}");
}

#[test]
fn the_same_seed_gives_the_same_file() {
    let folder = trained("seeds");
    let first = folder.bytes("model.safetensors");
    folder.run(&[&SHORT[..], &["-q", "-o", "again"]].concat()).good();
    assert_eq!(folder.bytes("again"), first);
    folder.run(&[&SHORT[..], &["-q", "-o", "other", "--seed", "2"]].concat()).good();
    assert_ne!(folder.bytes("other"), first);
}

#[test]
fn columns_are_found_by_name() {
    let folder = trained("columns").with(
        "new.csv",
        "note;petal_width;petal_length;sepal_width;sepal_length\n\
        \"a;b\";0.2;1.4;3.5;5.1\n\"say \"\"hi\"\"\";2.3;5.9;3.2;6.8\n",
    );
    let predict = |line: &[&str]| folder.run(&[&["predict", "model.safetensors", "new.csv"], line].concat());
    assert_eq!(predict(&[]).good(), "species\nsetosa\nvirginica\n");
    let kept = predict(&["--keep", "--probabilities"]).good();
    let lines: Vec<&str> = kept.lines().collect();
    assert!(lines[0].ends_with("sepal_length;species;species=setosa;species=versicolor;species=virginica"), "{kept}");
    assert!(lines[1].starts_with("\"a;b\";0.2;1.4;3.5;5.1;setosa;0."), "{kept}");
    assert!(lines[2].starts_with("\"say \"\"hi\"\"\";2.3;"), "{kept}");
    let sum: f32 = lines[1].split(';').rev().take(3).map(|field| field.parse::<f32>().expect("a number")).sum();
    assert!((sum - 1.0).abs() < 1e-5);

    // A file may be its own output, and the label may be there.
    folder.run(&["predict", "model.safetensors", "iris.csv", "--keep", "-o", "iris.csv"]).good();
    let own = folder.text("iris.csv");
    assert!(own.starts_with("sepal_length,sepal_width,petal_length,petal_width,species,species_predicted\n5.1,3.5,"));
    assert_eq!(own.lines().count(), 151);
}

#[test]
fn rows_beyond_a_batch_stay_in_order() {
    let rows: Vec<&str> = FLOWERS.lines().skip(1).collect();
    let many: String = (0..10_050).map(|k| format!("{}\n", rows[k % 150])).collect();
    let header = FLOWERS.lines().next().expect("a header");
    let folder = trained("batches").with("many.csv", &format!("{header}\n{many}"));
    let predict = |file: &str| folder.run(&["predict", "model.safetensors", file, "--probabilities"]).good();
    let (few, many) = (predict("iris.csv"), predict("many.csv"));
    let few: Vec<&str> = few.lines().skip(1).collect();
    let fields = |line: &str| {
        let (label, numbers) = line.split_once(',').expect("numbers");
        let numbers: Vec<f32> = numbers.split(',').map(|field| field.parse().expect("a number")).collect();
        (label.to_owned(), numbers)
    };
    let mut count = 0;
    for (place, line) in many.lines().skip(1).enumerate() {
        // candle's matrix products round otherwise in batches of other sizes.
        let (own, expected) = (fields(line), fields(few[place % 150]));
        assert_eq!(own.0, expected.0, "{place}");
        assert!(own.1.iter().zip(&expected.1).all(|(own, expected)| (own - expected).abs() < 1e-5), "{place}: {line}");
        count += 1;
    }
    assert_eq!(count, 10_050);
}

#[test]
fn numbers_are_predicted_in_their_units() {
    let folder = Folder::new("values").with("iris.csv", FLOWERS);
    let line =
        ["train", "iris.csv", "--label", "sepal_length", "--without", "species", "--epochs", "10", "-q", "--json"];
    let found: Value = serde_json::from_str(&folder.run(&line).good()).expect("JSON");
    let figure = |name: &str| found["test"][name].as_f64().expect("a number");
    assert!(figure("rmse") < figure("mean") && figure("linear_regression") < 0.5, "{found}");
    let predicted = folder.run(&["predict", "model.safetensors", "iris.csv"]).good();
    let mut lines = predicted.lines();
    assert_eq!(lines.next(), Some("sepal_length"));
    assert!(lines.all(|line| line.parse::<f32>().is_ok_and(|value| (3.0..9.0).contains(&value))));
    assert!(folder.run(&["predict", "model.safetensors", "iris.csv", "--probabilities"]).bad(1).contains("no classes"));
}

#[test]
fn other_networks_and_pipes() {
    let folder = Folder::new("networks").with("iris.csv", FLOWERS);
    for (line, plan) in [
        (
            &["--model", "quantum", "--qubits", "3"][..],
            "4 -> 3 components -> quantum (3 qubits, 2 layers, 18 weights) -> 3",
        ),
        (&["--model", "classical", "--components", "2"], "4 -> 2 components -> 16 -> 4 -> 4 -> 3"),
        (&["--qubits", "1", "--layers", "1"], "4 -> 16 -> 1 -> quantum (1 qubit, 1 layer, 3 weights) -> 3"),
    ] {
        let trained = folder.run(&[&SHORT[..4], &["--epochs", "2", "-o", "-"], line].concat());
        assert!(trained.err.contains(plan), "{}", trained.err);
        assert_eq!(trained.status, Some(0));
    }
    // A model goes through a pipe.
    let line = [&SHORT[..], &["-q", "-o", "-"]].concat();
    let model = folder.command(&line).output().expect("a model").stdout;
    let predicted = folder.run_with(&["predict", "-", "iris.csv"], &model).good();
    assert_eq!(predicted.lines().count(), 151);
}

/// The keys of the JSON stay.
#[test]
fn json_has_its_keys() {
    let folder = Folder::new("json").with("iris.csv", FLOWERS);
    let trained: Value =
        serde_json::from_str(&folder.run(&[&SHORT[..], &["-q", "--json"]].concat()).good()).expect("JSON");
    let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(
        keys(&trained),
        "best_epoch bytes classes ended epochs features file label model output parameters rows seed task test"
    );
    assert_eq!(keys(&trained["test"]), "accuracy logistic_regression most_frequent_class");
    assert_eq!(trained["rows"], serde_json::json!({ "all": 150, "train": 90, "validation": 30, "test": 30 }));
    let info: Value = serde_json::from_str(&folder.run(&["info", "model.safetensors", "--json"]).good()).expect("JSON");
    assert_eq!(
        keys(&info),
        "bytes circuits digest dtype features file format input kind layers notes parameters predicts tensors writer"
    );
    assert_eq!(
        keys(&info["circuits"][0]),
        "bits depth features file gates layer operations qubits state_bytes version weights"
    );
    assert_eq!((&info["kind"], &info["parameters"]), (&"model".into(), &187.into()));
}

/// A model's circuit is drawn, simulated with its weights, and converted to a text with the same probabilities.
#[test]
fn circuits_of_models() {
    let folder = trained("circuit");
    assert!(folder.run(&["draw", "model.safetensors"]).good().starts_with("q0: ─RY(π/2*x0)──RX(theta[0,0,0])"));
    let set = ["--set", "x0=0.1", "--set", "x1=-0.4", "--set", "x2=0.9", "--set", "x3=0"];
    let open = folder.run(&["simulate", "model.safetensors"]).bad(2);
    assert!(open.contains("x0, x1, x2, x3 have no number"), "{open}");
    let of = |file: &str, set: &[&str]| {
        let line = [&["simulate", file, "--f64", "--expect", "Z0", "--expect", "X1 Y2"], set].concat();
        let text = folder.run(&line).good();
        text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let own = of("model.safetensors", &set);
    folder.run(&["convert", "model.safetensors", "-o", "a.qasm"]).good();
    assert_eq!(of("a.qasm", &set), own);
    folder.run(&[&["convert", "model.safetensors", "--to", "qasm2", "-o", "b.qasm"], &set[..]].concat()).good();
    assert_eq!(of("b.qasm", &[]), own);
    assert!(folder.run(&["draw", "model.safetensors", "--layer", "1"]).bad(2).contains("in the layers 4"));
    let line = [&SHORT[..], &["-q", "--model", "classical", "-o", "c"]].concat();
    folder.run(&line).good();
    assert!(folder.run(&["draw", "c"]).bad(1).contains("has no circuit"));
    assert!(folder.run(&["info", "c"]).good().contains("predicts species: setosa, versicolor, virginica"));
}

#[test]
fn damaged_models_are_errors() {
    let folder = trained("damaged");
    let whole = folder.bytes("model.safetensors");
    for length in [0, 7, 8, 9, 100, whole.len() - 1] {
        let ran = folder.run_with(&["predict", "-", "iris.csv"], &whole[..length]);
        ran.bad(1);
    }
    let mut damaged = whole;
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    for verb in [&["predict", "-", "iris.csv"][..], &["info", "-"], &["draw", "-"]] {
        assert!(folder.run_with(verb, &damaged).bad(1).contains("damaged"));
    }
}
