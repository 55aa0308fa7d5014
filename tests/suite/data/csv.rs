//! Tables of users: what is in them, and the place of what is wrong.

use candle_core::{DType, Device, Tensor};
use candlewick::data::{
    CsvConfig, Dataset, Imputer, Missing, MissingTarget, Split3, Table, TableEncoder, Target, Unknown,
};
use candlewick::error::{DataError, Error, FileError};
use proptest::prelude::*;

fn parse(text: &str) -> candlewick::Result<Table> {
    Table::parse(text, ',')
}

fn rows(table: &Table) -> Vec<Vec<&str>> {
    (0..table.len()).map(|row| table.row(row).collect()).collect()
}

#[test]
fn fields_are_what_they_are() -> candlewick::Result<()> {
    let text = "\u{feff} a ,\"b, c\",d\r\n1, \"x \"\"y\"\"\" ,\r\n\r\n\"2\n3\",\" kept \",last\r\n\n4,,5";
    let table = parse(text)?;
    assert_eq!(table.names(), ["a", "b, c", "d"]);
    assert_eq!(rows(&table), [["1", "x \"y\"", ""], ["2\n3", " kept ", "last"], ["4", "", "5"]]);
    assert_eq!((0..4).map(|row| table.line(row)).collect::<Vec<_>>(), [Some(2), Some(4), Some(7), None]);
    assert_eq!((table.field(0, 3), table.field(3, 0), table.row(9).count()), (None, None, 0));
    // Other delimiters; blanks are a field's own where they cannot be around it.
    assert_eq!(rows(&Table::parse("a;b\n1,5; 2 \n", ';')?), [["1,5", "2"]]);
    assert_eq!(rows(&Table::parse("a\tb\n x\t\n", '\t')?), [["x", ""]]);
    assert_eq!(rows(&Table::parse("a→b\nä→ö\n", '→')?), [["ä", "ö"]]);
    assert_eq!(rows(&Table::parse("a b c\n  \n1 2 3\n", ' ')?), [["", "", ""], ["1", "2", "3"]]);
    assert!(parse("a,b\n")?.is_empty());
    // A field in quotes is a row even if it is empty.
    assert_eq!(rows(&parse("a\n\"\"\n\n1\n")?), [[""], ["1"]]);
    Ok(())
}

#[test]
fn tables_that_cannot_be_read() {
    let place = |text: &str| match parse(text) {
        Err(Error::Data(DataError::Table { line, field, .. })) => (line, field),
        other => panic!("{other:?}"),
    };
    assert_eq!(place(""), (1, None));
    assert_eq!(place("\n \r\n"), (1, None));
    // A quote that is never closed takes no rows in silence.
    assert_eq!(place("a,b\n1,\"x\n2,y\n3,z\n"), (2, Some(2)));
    assert_eq!(place("a,b\n\"1\n1\",2\n1,\"x\"y\n"), (4, Some(2)));
    assert_eq!(place("a,b\n1,5\"\n"), (2, Some(2)));
    // Carriage returns alone, as old Macs end lines: not one row is lost in silence.
    for text in ["a,b\r1,2\r", "\"a\",\"b\"\r\"1\",\"2\"\r", "a,\r1,2\r", "\"a\"\r,5\n1,2\n", "a\r5", "\ra\r1"] {
        assert_eq!(place(text).0, 1, "{text:?}");
    }
    assert_eq!(rows(&parse("a,b\r\r\n1,2\r\n3,4\r").unwrap()), [["1", "2"], ["3", "4"]]);
    let error = parse("a,b\n1,2\n\n1,2,3\n").unwrap_err();
    assert!(matches!(error, Error::Data(DataError::FieldCount { line: 4, expected: 2, actual: 3 })), "{error}");
    let error = parse("a,b,a\n").unwrap_err();
    assert!(matches!(&error, Error::Data(DataError::Column { field: 3, column, .. }) if column == "a"), "{error}");
    for delimiter in ['"', '\n', '\r'] {
        assert!(matches!(Table::parse("a", delimiter), Err(Error::Setting { setting: "delimiter", .. })));
    }
    let path = std::env::temp_dir().join(format!("candlewick-latin1-{}.csv", std::process::id()));
    std::fs::write(&path, b"a\n1\nM\xfcll\n").unwrap();
    let error = Table::read_csv(&path, ',').unwrap_err();
    assert!(matches!(error, Error::Data(DataError::Table { line: 3, .. })), "{error}");
    std::fs::remove_file(path).unwrap();
    assert!(matches!(Table::read_csv("no/such.csv", ','), Err(Error::File(FileError::Access { .. }))));
    // A file without an end.
    #[cfg(target_os = "linux")]
    {
        let sparse = std::env::temp_dir().join(format!("candlewick-sparse-{}.csv", std::process::id()));
        std::fs::File::create(&sparse)
            .and_then(|file| file.set_len(1 << 50))
            .or_else(|_| std::fs::File::create(&sparse).and_then(|file| file.set_len(1 << 43)))
            .unwrap();
        assert!(matches!(
            Table::read_csv(&sparse, ','),
            Err(Error::Memory(candlewick::error::MemoryError::Numbers { .. }))
        ));
        std::fs::remove_file(sparse).unwrap();
    }
}

proptest! {
    /// Every field comes back from quotes as it was, on the line where its row begins.
    #[test]
    fn quoted_fields_come_back(fields in prop::collection::vec(".*", 2..12)) {
        let quoted = |field: &str| format!("\"{}\"", field.replace('"', "\"\""));
        let mut text = "a,b\n".to_owned();
        let (mut expected, mut lines) = (Vec::new(), Vec::new());
        for pair in fields.chunks_exact(2) {
            lines.push(Some(text.matches('\n').count() + 1));
            text += &format!("{},{}\r\n", quoted(&pair[0]), quoted(&format!("{}\n{}", pair[1], pair[0])));
            expected.push(vec![pair[0].clone(), format!("{}\n{}", pair[1], pair[0])]);
        }
        let table = parse(&text).expect("a sound table");
        prop_assert_eq!(rows(&table), expected);
        prop_assert_eq!((0..lines.len()).map(|row| table.line(row)).collect::<Vec<_>>(), lines);
    }

    /// No text panics, and what is read is encoded or refused.
    #[test]
    fn no_text_panics(text in "[a1 ,;\"\r\n\\.-]{0,60}", keep in any::<bool>()) {
        if let Ok(table) = parse(&text) {
            let on_missing = if keep { Missing::Keep } else { Missing::DropRow };
            let first = table.names()[0].clone();
            for config in [CsvConfig::default(), CsvConfig::with_label(first.clone()), CsvConfig::with_number(first)] {
                let config = CsvConfig { on_missing: on_missing.clone(), without: vec![], ..config };
                if let Ok(encoder) = TableEncoder::fit(&table, &config)
                    && let Ok(set) = encoder.encode(&table)
                {
                    prop_assert_eq!(set.x.dims(), &[set.len(), encoder.features().len()]);
                    prop_assert!(keep || set.x.sum_all().and_then(|sum| sum.to_scalar::<f32>()).is_ok_and(f32::is_finite));
                }
            }
        }
    }
}

const PATIENTS: &str = "\
id,age,colour,dose,diagnosis
1,31,red,0.5,well
2,47,blue,NA,ill
3,,green,1.5,ill
4,60,blue,2,very ill
5,20,red,1e-3,
";

fn config() -> CsvConfig {
    CsvConfig { without: vec!["id".into()], on_missing: Missing::DropRow, ..CsvConfig::with_label("diagnosis") }
}

#[test]
fn columns_become_features() -> candlewick::Result<()> {
    let table = parse(PATIENTS)?;
    // Rows 2, 3 and 5 have gaps, so that nothing is learnt of them.
    let encoder = TableEncoder::fit(&table, &config())?;
    assert_eq!(encoder.features(), ["age", "colour=blue", "colour=red", "dose"]);
    assert_eq!(encoder.classes(), ["very ill", "well"]);
    let set = encoder.encode(&table)?;
    assert_eq!(set.x.to_vec2::<f32>()?, [[31.0, 0.0, 1.0, 0.5], [60.0, 1.0, 0.0, 2.0]]);
    assert_eq!((set.y.to_vec1::<u32>()?, set.features.as_slice()), (vec![1, 0], encoder.features()));
    // Gaps are kept, and classes are given.
    let classes = ["well", "ill", "very ill", "unknown"].map(str::to_owned).to_vec();
    let keeps = CsvConfig { on_missing: Missing::Keep, classes: classes.clone(), ..config() };
    let encoder = TableEncoder::fit(&table, &keeps)?;
    assert_eq!((encoder.features().len(), encoder.classes()), (5, &classes[..]));
    let error = encoder.encode(&table).unwrap_err();
    assert_eq!(error.to_string(), "line 6 of the table, field 5 (`diagnosis`): `` is a missing target");
    let whole = parse(&PATIENTS.replace("1e-3,", "1e-3,unknown").replace("green", "NaN"))?;
    let encoder = TableEncoder::fit(&whole, &keeps)?;
    let set = encoder.encode(&whole)?;
    assert_eq!(set.y.to_vec1::<u32>()?, [0, 1, 1, 2, 3]);
    let x = set.x.to_vec2::<f32>()?;
    let gaps: Vec<Vec<bool>> = x.iter().map(|row| row.iter().map(|value| value.is_nan()).collect()).collect();
    assert_eq!((&gaps[1], &gaps[2]), (&vec![false, false, false, true], &vec![true, true, true, false]));
    let filled = Imputer::median(&set)?.apply(&set.x)?.to_vec2::<f32>()?;
    assert_eq!((filled[1][3], filled[2][0]), (1.0, 39.0)); // of 0.5, 1.5, 2, 0.001 and of 31, 47, 60, 20
    // Gaps are errors.
    let strict = CsvConfig { on_missing: Missing::Error, ..config() };
    let error = TableEncoder::fit(&table, &strict)?.encode(&table).unwrap_err();
    assert_eq!(error.to_string(), "line 3 of the table, field 4 (`dose`): `NA` is a missing value");
    Ok(())
}

#[test]
fn targets_of_every_kind() -> candlewick::Result<()> {
    let table = parse("size,price,zip\n1,10,0100\n2,30,22\n3,20,0100\n4,2,3\n")?;
    let config = |target| CsvConfig { text: vec!["zip".into()], target, ..CsvConfig::default() };
    let encode = |target| TableEncoder::fit(&table, &config(target))?.encode(&table);
    let numbers = encode(Target::Number("price".into()))?;
    assert_eq!(numbers.y.to_vec2::<f32>()?, [[10.0], [30.0], [20.0], [2.0]]);
    // Numbers are in the order of numbers, each with its own spelling.
    assert_eq!((numbers.features.join(" "), numbers.classes.len()), ("size zip=3 zip=22 zip=0100".into(), 0));
    let classes = encode(Target::Class("price".into()))?;
    assert_eq!((classes.classes.join(" "), classes.y.to_vec1::<u32>()?), ("2 10 20 30".into(), vec![1, 3, 2, 0]));
    let nothing = encode(Target::Nothing)?;
    assert_eq!((nothing.x.dims(), nothing.y.dims(), nothing.len()), (&[4, 5][..], &[4, 0][..], 4));
    assert_eq!(nothing.select(&[2])?.len(), 1);
    let path = std::env::temp_dir().join(format!("candlewick-csv-{}.csv", std::process::id()));
    std::fs::write(&path, "a;b\n1,5;x\n").unwrap();
    let config = CsvConfig { delimiter: ';', ..CsvConfig::default() };
    let error = Dataset::read_csv(&path, &CsvConfig { text: vec!["c".into()], ..config.clone() }).unwrap_err();
    assert_eq!(error.to_string(), r#"the table has no column `c`, only ["a", "b"]"#);
    let error = Dataset::read_csv(&path, &config).unwrap_err();
    assert!(matches!(&error, Error::Data(DataError::Column { field: 1, column, .. }) if column == "a"), "{error}");
    let texts = CsvConfig { text: vec!["a".into()], ..config.clone() };
    assert_eq!(Dataset::read_csv(&path, &texts)?.features, ["a=1,5", "b=x"]);
    let numbers = Dataset::read_csv(&path, &CsvConfig { decimal: ',', ..config })?;
    assert_eq!((numbers.features.join(" "), numbers.x.to_vec2::<f32>()?), ("a b=x".into(), vec![vec![1.5, 1.0]]));
    std::fs::remove_file(path).unwrap();
    Ok(())
}

#[test]
fn another_program_takes_the_same_columns() -> candlewick::Result<()> {
    let encoder = TableEncoder::fit(&parse(PATIENTS)?, &config())?;
    let saved = encoder.to_json()?;
    let loaded = TableEncoder::from_json(&saved)?;
    assert_eq!(loaded, encoder);
    // Another order, a column more, no labels.
    let x = loaded.encode_features(&parse("weight,dose,colour,age\n70,3,red,50\n60,4,blue,51\n")?)?;
    assert_eq!(x.to_vec2::<f32>()?, [[50.0, 0.0, 1.0, 3.0], [51.0, 1.0, 0.0, 4.0]]);
    let error = |text: &str| loaded.encode_features(&parse(text).unwrap()).unwrap_err();
    assert!(matches!(error("dose,age\n1,2\n"), Error::Data(DataError::UnknownColumn { name, .. }) if name == "colour"));
    let unseen = error("age,colour,dose\n1,red,1\n2,green,3\n");
    assert!(
        matches!(&unseen, Error::Data(DataError::UnseenCategory { line: 3, field: 2, column, value, known })
            if (column.as_str(), value.as_str(), known.len()) == ("colour", "green", 2)),
        "{unseen}"
    );
    // A sample for each row: none is left out in silence.
    assert!(matches!(error("age,colour,dose\n1,red,\n"), Error::Data(DataError::Field { line: 2, field: 3, .. })));
    let labels = loaded.encode(&parse("age,colour,dose,diagnosis\n1,red,1,dead\n")?).unwrap_err();
    assert!(matches!(labels, Error::Data(DataError::UnseenCategory { line: 2, field: 4, .. })), "{labels}");

    for (from, to) in
        [("\"age\"", "\"colour\""), ("\"blue\"", "\"red\""), ("\"columns\"", "\"rows\""), ("\"DropRow\"", "\"Guess\"")]
    {
        let error = TableEncoder::from_json(&saved.replace(from, to)).unwrap_err();
        assert!(matches!(error, Error::SettingNeeds { .. } | Error::File(FileError::Json { .. })), "{to}: {error}");
    }
    Ok(())
}

#[test]
fn columns_that_cannot_be_used() {
    let fit = |text: &str, config: CsvConfig| TableEncoder::fit(&parse(text).unwrap(), &config);
    let field = |text: &str, config: CsvConfig| match fit(text, config) {
        Err(Error::Data(DataError::Field { line, field, column, value, .. })) => (line, field, column, value),
        other => panic!("{other:?}"),
    };
    let all = CsvConfig::default;
    let at = |line, field, column: &str, value: &str| (line, field, column.to_owned(), value.to_owned());
    assert_eq!(field("a,b\n1,2\n3,two\n", all()), at(3, 2, "b", "two"));
    assert_eq!(field("a,b\n1,two\n3,2\n", all()), at(2, 2, "b", "two"));
    assert_eq!(field("a\n1\ninf\n", all()), at(3, 1, "a", "inf"));
    assert_eq!(field("a\n1e39\n", all()), at(2, 1, "a", "1e39"));
    assert_eq!(field("a\n1e-60\n", all()), at(2, 1, "a", "1e-60"));
    assert_eq!(field("a\nnan\n1\n", CsvConfig { missing: vec![], ..all() }), at(2, 1, "a", "nan"));
    assert_eq!(field("a,b\n1,x\n", CsvConfig::with_number("b")), at(2, 2, "b", "x"));
    let column = |text: &str, config: CsvConfig| match fit(text, config) {
        Err(Error::Data(DataError::Column { field, column, .. })) => (field, column),
        other => panic!("{other:?}"),
    };
    assert_eq!(column("a,b\n1,NA\n2,\n", CsvConfig { on_missing: Missing::Keep, ..all() }), (2, "b".into()));
    assert_eq!(column("a,b\n", all()), (1, "a".into()));
    // Names of features that two columns share.
    let error = fit("a,a=b,x\nb=c,c,1\n", all()).unwrap_err();
    assert!(matches!(&error, Error::Data(DataError::FeatureTwice { name }) if name == "a=b=c"), "{error}");
    // Columns without a name and without a text, as spreadsheets write.
    assert_eq!(fit("a,,\n1,,\n2,,\n", all()).unwrap().features(), ["a"]);
    assert_eq!(column("a,,\n1,,\n2,,3\n", all()), (3, String::new()));
    assert_eq!(fit(",a,\n0,5,x\n", CsvConfig { without: vec![String::new()], ..all() }).unwrap().features(), ["a"]);
    // The index that pandas writes is no feature by accident.
    assert_eq!(column(",a\n0,5\n", all()), (1, String::new()));
    assert_eq!(fit(",a\n0,5\n", CsvConfig { without: vec![String::new()], ..all() }).unwrap().features(), ["a"]);
    let names = (0..200).map(|k| format!("n{k}\n")).collect::<String>();
    let error = fit(&format!("name\n{names}"), all()).unwrap_err();
    assert!(matches!(error, Error::Data(DataError::Categories { field: 1, count: 101, limit: 100, .. })), "{error}");
    for (text, config) in [
        ("a\nx\n", CsvConfig::with_label("a")),
        ("a,b\n1,x\n", CsvConfig { classes: vec!["x".into()], ..all() }),
        ("a,b\n1,x\n", CsvConfig { classes: vec!["x".into(), "x".into()], ..CsvConfig::with_label("b") }),
    ] {
        assert!(matches!(fit(text, config), Err(Error::SettingNeeds { .. })), "{text}");
    }
    let lost = CsvConfig { classes: vec!["y".into()], ..CsvConfig::with_label("b") };
    let table = parse("a,b\n1,x\n").unwrap();
    let error = TableEncoder::fit(&table, &lost).unwrap().encode(&table).unwrap_err();
    assert!(matches!(error, Error::Data(DataError::UnseenCategory { line: 2, field: 2, .. })), "{error}");
}

/// A name that a feature has is in the errors of whatever is made of it.
#[test]
fn errors_name_features() -> candlewick::Result<()> {
    use candlewick::data::{Pca, Scaler};
    let keep = CsvConfig { on_missing: Missing::Keep, ..CsvConfig::default() };
    let table = parse("age,dose\n1,2\n3,NA\n")?;
    let set = TableEncoder::fit(&table, &keep)?.encode(&table)?;
    let errors = [Scaler::standard(&set).err(), Scaler::range(&set, 0.0, 1.0).err(), Pca::new(&set, 1).err()];
    for error in errors {
        assert_eq!(error.unwrap().to_string(), "feature 1 (`dose`) of sample 1 is NaN, which is not finite");
    }
    let hollow = set.select(&[1])?;
    let error = Imputer::mean(&hollow).unwrap_err();
    assert_eq!(error.to_string(), "feature 1 (`dose`) has no number in any sample");
    assert_eq!(Imputer::median(&hollow.x).unwrap_err().to_string(), "feature 1 has no number in any sample");
    let far = Dataset::new(
        Tensor::new(&[[0.0, -1e200], [1.0, 1e200]], &Device::Cpu)?,
        Tensor::zeros(2, DType::U32, &Device::Cpu)?,
        vec!["all".into()],
    )?;
    let error = Pca::new(&far, 1).unwrap_err();
    assert!(error.to_string().starts_with("the covariance of feature 1 is inf"), "{error}");
    assert!(set.clone().with_x(Tensor::zeros((2, 2), set.x.dtype(), &Device::Cpu)?)?.features.is_empty());
    assert_eq!(set.with_noise(1, 0.1, 1)?.features, ["age", "dose", "noise 1"]);
    Ok(())
}

/// Whole numbers that F32 rounds are refused with their place, and F64 has them.
#[test]
fn whole_numbers_keep_their_digits() -> candlewick::Result<()> {
    let table = parse("time,y\n16777216,1\n1700000050,2\n")?;
    let place = |error: Error| match error {
        Error::Data(DataError::Field { line, field, column, value, .. }) => (line, field, column, value),
        other => panic!("{other:?}"),
    };
    let at = |line, field, column: &str, value: &str| (line, field, column.to_owned(), value.to_owned());
    let config = CsvConfig::with_number("y");
    assert_eq!(place(TableEncoder::fit(&table, &config).unwrap_err()), at(3, 1, "time", "1700000050"));
    let target = TableEncoder::fit(&table, &CsvConfig::with_number("time")).unwrap_err();
    assert_eq!(place(target), at(3, 1, "time", "1700000050"));
    let wide = |config: CsvConfig| CsvConfig { dtype: DType::F64, ..config };
    let set = TableEncoder::fit(&table, &wide(config.clone()))?.encode(&table)?;
    assert_eq!(set.x.to_vec2::<f64>()?, [[16777216.0], [1700000050.0]]);
    let encoder = TableEncoder::fit(&table, &wide(CsvConfig::with_number("time")))?;
    let set = TableEncoder::from_json(&encoder.to_json()?)?.encode(&table)?;
    assert_eq!((set.x.dtype(), set.y.to_vec2::<f64>()?), (DType::F64, vec![vec![16777216.0], vec![1700000050.0]]));
    for (text, dtype, is_held) in [
        ("16777217", DType::F32, false),
        ("16777217.0", DType::F32, false),
        ("-16777217", DType::F32, false),
        ("16777218", DType::F32, true),
        ("16777217.5", DType::F32, true), // measured, as every number with a fraction
        ("1.6777217e7", DType::F32, true),
        ("9007199254740993", DType::F64, false),
        ("9007199254740992", DType::F64, true),
        ("340282366920938463463374607431768211455", DType::F64, false),
        ("1e-400", DType::F64, false),
        ("0e5", DType::F64, true),
        ("1e400", DType::F64, false),
    ] {
        let table = parse(&format!("a\n{text}\n"))?;
        let fitted = TableEncoder::fit(&table, &CsvConfig { dtype, ..CsvConfig::default() });
        assert_eq!(fitted.is_ok(), is_held, "{text}: {fitted:?}");
    }
    let half = CsvConfig { dtype: DType::F16, ..CsvConfig::default() };
    let error = TableEncoder::fit(&table, &half).unwrap_err();
    assert!(matches!(error, Error::Data(DataError::TableDType { dtype: DType::F16 })), "{error}");
    let error = Dataset::from_csv("1,1,a\n16777217,0\n").unwrap_err();
    assert!(matches!(error, Error::Data(DataError::Table { line: 2, field: Some(1), .. })), "{error}");
    Ok(())
}

#[test]
fn decimal_commas() -> candlewick::Result<()> {
    let table = Table::parse("a;b;c\n1,5;x;1\n-0,25;y;2\n;x;3\n", ';')?;
    let keep = CsvConfig { on_missing: Missing::Keep, ..CsvConfig::default() };
    let error = TableEncoder::fit(&table, &keep).unwrap_err();
    assert!(matches!(&error, Error::Data(DataError::Column { field: 1, column, .. }) if column == "a"), "{error}");
    let comma = CsvConfig { decimal: ',', ..keep.clone() };
    let encoder = TableEncoder::from_json(&TableEncoder::fit(&table, &comma)?.to_json()?)?;
    let x = encoder.encode(&table)?.x.to_vec2::<f32>()?;
    assert_eq!((&x[0][..], &x[1][..]), (&[1.5, 1.0, 0.0, 1.0][..], &[-0.25, 0.0, 1.0, 2.0][..]));
    // Points are no decimal commas.
    let points = Table::parse("a\n1.5\n2.5\n", ';')?;
    assert!(matches!(TableEncoder::fit(&points, &comma), Err(Error::Data(DataError::Column { field: 1, .. }))));
    let mixed = Table::parse("a\n1\n2,5\n", ';')?;
    let error = TableEncoder::fit(&mixed, &keep).unwrap_err();
    assert!(matches!(error, Error::Data(DataError::Field { line: 3, field: 1, .. })), "{error}");
    for decimal in ['5', 'e', '-', '"', '\n', ' '] {
        let config = CsvConfig { decimal, ..CsvConfig::default() };
        assert!(matches!(TableEncoder::fit(&points, &config), Err(Error::Setting { setting: "decimal", .. })));
    }
    Ok(())
}

/// Rows without a label are left out while gaps in features stay.
#[test]
fn rows_without_a_target() -> candlewick::Result<()> {
    let table = parse(PATIENTS)?;
    let drops = MissingTarget::DropRow;
    let config = CsvConfig { on_missing: Missing::Keep, on_missing_target: drops, ..config() };
    let encoder = TableEncoder::fit(&table, &config)?;
    let set = encoder.encode(&table)?;
    assert_eq!((set.len(), encoder.classes()), (4, &["ill", "very ill", "well"].map(str::to_owned)[..]));
    assert!(set.x.to_vec2::<f32>()?[2][0].is_nan());
    let strict = CsvConfig { on_missing: Missing::Error, ..config };
    let error = TableEncoder::fit(&table, &strict)?.encode(&table).unwrap_err();
    assert_eq!(error.to_string(), "line 3 of the table, field 4 (`dose`): `NA` is a missing value");
    Ok(())
}

/// A missing category is one of its own, and an unknown one no category at all, if the options say so.
#[test]
fn missing_and_unknown_categories() -> candlewick::Result<()> {
    let table = parse("n,colour,size\n1,red,S\n,NA,L\n3,blue,S\n")?;
    let config = CsvConfig { on_missing: Missing::Category, ..CsvConfig::default() };
    let encoder = TableEncoder::fit(&table, &config)?;
    assert_eq!(encoder.features(), ["n", "colour=blue", "colour=red", "colour=missing", "size=L", "size=S"]);
    let x = encoder.encode(&table)?.x;
    let filled = Imputer::median(&x)?.apply(&x)?.to_vec2::<f32>()?;
    assert_eq!(filled[1], [2.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
    // In each row, the features of a column are those of one category.
    assert!(filled.iter().all(|row| row[1..4].iter().sum::<f32>() == 1.0 && row[4..].iter().sum::<f32>() == 1.0));
    let unknown = parse("n,colour,size\n1,green,\n2,,L\n")?;
    let error = encoder.encode_features(&unknown).unwrap_err();
    assert!(matches!(error, Error::Data(DataError::UnseenCategory { line: 2, field: 2, .. })), "{error}");
    let lenient = CsvConfig { on_unknown: Unknown::Zeros, ..config };
    let encoder = TableEncoder::from_json(&TableEncoder::fit(&table, &lenient)?.to_json()?)?;
    let x = encoder.encode_features(&unknown)?.to_vec2::<f32>()?;
    assert_eq!(x, [[1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [2.0, 0.0, 0.0, 1.0, 1.0, 0.0]]);
    // A class is never unknown.
    let classes = CsvConfig { target: Target::Class("colour".into()), ..lenient };
    let error =
        TableEncoder::fit(&parse("n,colour\n1,red\n2,blue\n")?, &classes)?.encode(&parse("n,colour\n1,green\n")?);
    assert!(matches!(error, Err(Error::Data(DataError::UnseenCategory { .. }))));
    // A category that is spelled like the feature of missing ones.
    let twice = parse("colour\nmissing\nNA\n")?;
    let own = CsvConfig { on_missing: Missing::Category, ..CsvConfig::default() };
    assert!(matches!(TableEncoder::fit(&twice, &own), Err(Error::Data(DataError::FeatureTwice { .. }))));
    Ok(())
}

/// The example of scikit-learn's user guide for `SimpleImputer(strategy="most_frequent")` on text, and its rule for
/// ties; then a constant.
#[test]
fn categories_in_the_place_of_missing_ones() -> candlewick::Result<()> {
    let table = parse("one,two,n\na,x,1\n,y,2\na,NA,\nb,y,4\n")?;
    let filled = parse("one,two\na,x\na,y\na,y\nb,y\n")?;
    let most = CsvConfig { on_missing: Missing::MostFrequent, ..CsvConfig::default() };
    let encoder = TableEncoder::from_json(&TableEncoder::fit(&table, &most)?.to_json()?)?;
    assert_eq!(encoder.features(), ["one=a", "one=b", "two=x", "two=y", "n"]);
    let x = encoder.encode(&table)?.x;
    let expected = TableEncoder::fit(&filled, &CsvConfig::default())?.encode(&filled)?.x;
    assert_eq!(x.narrow(1, 0, 4)?.to_vec2::<f32>()?, expected.to_vec2::<f32>()?);
    assert!(x.to_vec2::<f32>()?[2][4].is_nan(), "an imputer is for numbers");
    // What is frequent was learnt: a table of other frequencies, and a column without a gap in the training.
    let other = parse("n,two,one\n1,,b\n2,x,\n3,x,b\n")?;
    let rows = encoder.encode_features(&other)?.to_vec2::<f32>()?;
    assert_eq!((&rows[0][2..4], &rows[1][..2]), (&[0.0, 1.0][..], &[1.0, 0.0][..]));
    // Of equally frequent ones the first, as numbers where all are.
    let ties = parse("code,text\n10,b\n9,a\n9,b\n10,a\n,\n")?;
    let config = CsvConfig { text: vec!["code".into()], ..most.clone() };
    let last = TableEncoder::fit(&ties, &config)?.encode(&ties)?.x.to_vec2::<f32>()?[4].clone();
    assert_eq!(last, [1.0, 0.0, 1.0, 0.0]);

    let constant = |text: &str| CsvConfig { on_missing: Missing::Constant(text.into()), ..CsvConfig::default() };
    let encoder = TableEncoder::fit(&table, &constant("none"))?;
    let encoder = TableEncoder::from_json(&encoder.to_json()?)?;
    assert_eq!(encoder.features(), ["one=a", "one=b", "one=none", "two=none", "two=x", "two=y", "n"]);
    assert_eq!(encoder.encode(&table)?.x.to_vec2::<f32>()?[1][..6], [0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
    // A category that there is already.
    let encoder = TableEncoder::fit(&table, &constant("x"))?;
    assert_eq!(encoder.features(), ["one=a", "one=b", "one=x", "two=x", "two=y", "n"]);
    // Without a gap in the training, the text is unknown.
    let whole = parse("one\na\nb\n")?;
    let gap = parse("one,n\nNA,1\n")?;
    let error = TableEncoder::fit(&whole, &constant("none"))?.encode_features(&gap).unwrap_err();
    assert!(matches!(error, Error::Data(DataError::UnseenCategory { line: 2, field: 1, .. })), "{error}");
    assert_eq!(TableEncoder::fit(&whole, &constant("b"))?.encode_features(&gap)?.to_vec2::<f32>()?, [[0.0, 1.0]]);
    // Nothing stands in for a class, and a file cannot name a category that there is not.
    let label = CsvConfig { target: Target::Class("one".into()), ..most };
    assert!(TableEncoder::fit(&table, &label)?.encode(&table).is_err());
    let text = TableEncoder::fit(&table, &constant("none"))?.to_json()?;
    let error = TableEncoder::from_json(&text.replacen("\"fill\": 2", "\"fill\": 9", 1)).unwrap_err();
    assert!(matches!(error, Error::SettingNeeds { .. }), "{error}");
    Ok(())
}

/// A table is split before anything is learnt of it.
#[test]
fn tables_are_split_first() -> candlewick::Result<()> {
    let mut text = "id,state\n".to_owned();
    (0..60).for_each(|k| text += &format!("{k},{}\n", if k % 10 == 0 { "ill" } else { "well" }));
    let table = parse(&(text + "60,NA\n"))?;
    let drops = MissingTarget::DropRow;
    let config = CsvConfig { on_missing_target: drops, ..CsvConfig::with_label("state") };
    let Split3 { train, validation, test, .. } = table.split3(&config, 0.2, 0.2, 5)?;
    let ids = |of: &Table| (0..of.len()).map(|row| of.field(row, 0).unwrap().parse().unwrap()).collect::<Vec<usize>>();
    let mut seen = [ids(&train), ids(&validation), ids(&test)].concat();
    seen.sort_unstable();
    assert_eq!(seen, (0..60).collect::<Vec<_>>());
    for (part, sizes) in [(&train, (36, 4)), (&validation, (12, 1)), (&test, (12, 1))] {
        let ill = (0..part.len()).filter(|&row| part.field(row, 1) == Some("ill")).count();
        assert_eq!((part.len(), ill), sizes);
        assert!((0..part.len()).all(|row| part.line(row) == Some(ids(part)[row] + 2)));
    }
    // The same rows as of the encoded set.
    let all = TableEncoder::fit(&table, &config)?.encode(&table)?;
    let set = all.split3(0.2, 0.2, 5)?.test;
    let numbers: Vec<usize> = set.x.flatten_all()?.to_vec1::<f32>()?.into_iter().map(|id| id as usize).collect();
    assert_eq!(numbers, ids(&test));
    let rare = CsvConfig::with_label("state");
    assert!(matches!(
        table.split3(&rare, 0.2, 0.2, 5),
        Err(Error::Data(DataError::FewMembers { class: Some(class), count: 1, parts: 3 })) if class == "NA"
    ));
    assert_eq!(table.split3(&CsvConfig::with_number("id"), 0.2, 0.2, 5)?.test.len(), 12);
    assert!(matches!(table.select(&[0, 61]), Err(Error::Data(DataError::Row { row: 61, rows: 61 }))));
    assert_eq!(ids(&table.select(&[3, 1, 3])?), [3, 1, 3]);
    assert!(table.select(&[])?.is_empty());
    Ok(())
}
