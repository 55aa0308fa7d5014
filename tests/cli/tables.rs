//! Tables in all their forms, and what is wrong with them.

use super::{FLOWERS, Folder};
use serde_json::Value;

fn train(folder: &Folder, file: &str, line: &[&str]) -> Result<Value, String> {
    let fixed = ["train", file, "--label", "state", "--epochs", "2", "-q", "--json"];
    let ran = folder.run(&[&fixed[..], line].concat());
    match ran.status {
        Some(0) => Ok(serde_json::from_str(&ran.out).expect("JSON")),
        _ => Err(ran.bad(1)),
    }
}

/// Pumps with a number, a text, an identifier and a state.
fn pumps(delimiter: char, gaps: bool) -> String {
    let mut text = format!("id{delimiter}heat{delimiter}oil{delimiter}state\n");
    for k in 0..60u32 {
        let worn = k % 3 == 0;
        let heat =
            if gaps && k % 7 == 0 { "NA".to_owned() } else { format!("{}", 60 + k * 37 % 11 + 8 * u32::from(worn)) };
        let oil = if gaps && k % 11 == 0 {
            ""
        } else if worn {
            "dark"
        } else {
            "clear"
        };
        let state = if worn { "worn" } else { "good" };
        text += &format!("p{k}{delimiter}{heat}{delimiter}{oil}{delimiter}{state}\n");
    }
    text
}

#[test]
fn delimiters_marks_and_line_ends() {
    let folder = Folder::new("forms")
        .with("comma", &pumps(',', false))
        .with("semicolon", &pumps(';', false))
        .with("tab", &pumps('\t', false))
        .with("mark", &format!("\u{feff}{}", pumps(',', false).replace('\n', "\r\n")))
        .with("bar", &pumps('|', false));
    for (file, line) in
        [("comma", &[][..]), ("semicolon", &[]), ("tab", &[]), ("mark", &[]), ("bar", &["--delimiter", "|"])]
    {
        let found = train(&folder, file, &[&["--without", "id"], line].concat()).expect("a model");
        assert_eq!(found["features"], serde_json::json!(["heat", "oil=clear", "oil=dark"]), "{file}");
        assert_eq!(found["classes"], serde_json::json!(["good", "worn"]), "{file}");
    }
}

#[test]
fn missing_values() {
    let folder =
        Folder::new("missing").with("gaps.csv", &pumps(',', true)).with("new.csv", "heat,oil\n70,dark\nNA,clear\n");
    let without = ["--without", "id"];
    let message = train(&folder, "gaps.csv", &without).expect_err("a gap");
    assert!(message.contains("is a missing value\n") && message.trim_end().ends_with('^'), "{message}");
    for (missing, rows) in [("drop", 46), ("mean", 60), ("median", 60), ("most-frequent", 60)] {
        let found = train(&folder, "gaps.csv", &[&without[..], &["--missing", missing]].concat()).expect("a model");
        let count = |part: &str| found["rows"][part].as_u64().expect("a count");
        assert_eq!(count("train") + count("validation") + count("test"), rows, "{missing}");
        let predicted = folder.run(&["predict", "model.safetensors", "new.csv"]);
        match missing {
            "drop" => assert!(predicted.bad(1).contains("line 3 of the table, field 1 (`heat`)")),
            _ => assert_eq!(predicted.good().lines().count(), 3),
        }
    }
}

#[test]
fn mistakes_name_line_and_column() {
    let folder = Folder::new("tables").with("iris.csv", FLOWERS);
    let short: String = FLOWERS.lines().step_by(10).map(|line| format!("{line}\n")).collect();
    for (text, part) in [
        ("", "line 1 of the table: the table is empty"),
        ("1,2,3\n4,5,6\n", ":1: the first line has numbers alone"),
        ("a,a\n1,2\n", "another column has the same name"),
        ("a,state\n1\n", "line 2 of the table has 1 field(s), the header has 2\n2 | 1\n"),
        ("a,state\n\"1,x\n", "a quote is never closed\n2 | \"1,x\n  | ^\n"),
        ("a,b\n1,x\n2,y\n", "no column is called `state`, only: a, b"),
        ("a,state\n1,x\n", "class `x` has 1 sample(s), and 3 parts need one each"),
        ("state\nx\nx\nx\n", "needs a column beside the target"),
    ] {
        let folder = Folder::new("table").with("t.csv", text);
        let message = train(&folder, "t.csv", &[]).expect_err(text);
        assert!(message.starts_with("error: t.csv") && message.contains(part), "{text:?}: {message}");
    }
    folder.run(&["train", "iris.csv", "--label", "species", "--epochs", "1", "-q"]).good();
    for (text, part) in [
        (short.replace("petal_width", "width"), "the column `petal_width`, which the model needs, is missing"),
        (short.replacen("0.2,setosa", "wide,setosa", 1), "`wide` is no number"),
        (short.replacen("0.2,setosa", "1e999,setosa", 1), "is not finite"),
    ] {
        let message = folder.run_with(&["predict", "model.safetensors", "-"], text.as_bytes()).bad(1);
        assert!(message.starts_with("error: standard input:") && message.contains(part), "{message}");
    }
    // A row of a later batch has its own number and line.
    let many = short.lines().next().expect("a header").to_owned() + &"\n5,3,1,0,x".repeat(10_004) + "\n5,3,1e300,0,x\n";
    let message = folder.run_with(&["predict", "model.safetensors", "-"], many.as_bytes()).bad(1);
    let (place, part) = ("error: standard input:10006: ", "of feature 2 of sample 10004 is 5.");
    assert!(message.starts_with(place) && message.contains(part), "{message}");
    // A table without rows has its columns, too.
    let predict = |text: &[u8]| folder.run_with(&["predict", "model.safetensors", "-"], text);
    assert!(predict(b"petal_width\n").bad(1).contains("`sepal_length`, which the model needs"));
    assert_eq!(predict(FLOWERS.lines().next().expect("a header").as_bytes()).good(), "species\n");
    // Nothing is left of an output that was begun.
    let text = short.replacen("0.2,setosa", "wide,setosa", 1);
    folder.run_with(&["predict", "model.safetensors", "-", "-o", "out.csv"], text.as_bytes()).bad(1);
    assert!(!folder.path().join("out.csv").exists());
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 2);
}

#[test]
fn unseen_texts() {
    let text = pumps(',', false) + "p60,70,green,good\n";
    let folder = Folder::new("unseen").with("t.csv", &text).with("new.csv", "heat,oil\n70,blue\n");
    let line = ["--without", "id", "--unknown", "zeros"];
    train(&folder, "t.csv", &line).expect("a model");
    assert_eq!(folder.run(&["predict", "model.safetensors", "new.csv"]).good().lines().count(), 2);
    train(&folder.with("t.csv", &pumps(',', false)), "t.csv", &line[..2]).expect("a model");
}

/// Whole numbers are classes if there are few, and `--task` decides otherwise.
#[test]
fn tasks() {
    let rows: String = (0..60).map(|k| format!("{},{}\n", k % 7, k % 3)).collect();
    let folder = Folder::new("tasks").with("t.csv", &format!("a,state\n{rows}"));
    let task = |line: &[&str]| train(&folder, "t.csv", line).expect("a model")["task"].clone();
    assert_eq!(task(&[]), "classes");
    assert_eq!(task(&["--task", "values"]), "values");
    let comma: String = (0..60).map(|k| format!("{},5;{},25\n", k % 7, k % 3)).collect();
    let folder = Folder::new("comma").with("t.csv", &format!("a;state\n{comma}"));
    assert_eq!(train(&folder, "t.csv", &["--decimal", ","]).expect("a model")["task"], "values");
}

#[test]
fn info_of_tables() {
    let folder = Folder::new("info-table").with("iris.csv", FLOWERS);
    let text = folder.run(&["info", "iris.csv"]).good();
    assert!(text.starts_with("iris.csv: table, 150 rows, 5 columns, delimiter `,`\n"), "{text}");
    assert!(text.contains("  petal_width: numbers from 0.1 to 2.5, 22 different\n  species: texts, 3 different\n"));
    let found: Value =
        serde_json::from_str(&folder.run_with(&["info", "-", "--json"], FLOWERS.as_bytes()).good()).expect("JSON");
    assert_eq!((&found["kind"], &found["rows"]), (&"table".into(), &150.into()));
    assert_eq!(found["columns"][4]["holds"], "texts");
}
