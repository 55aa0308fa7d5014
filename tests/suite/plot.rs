//! Pictures: positions of colours, and numbers that cannot be drawn.

use candle_core::{Device, Result, Tensor};
use candlewick::Error;
use candlewick::data::{self, CirclesConfig, CsvConfig, Dataset, Missing, Split, Table, TableEncoder};
use candlewick::error::{DataError, FileError, MemoryError, TensorError};
use candlewick::metrics::{Confusion, RocCurve};
use candlewick::plot::{self, Bitmap, Color, Field, Figure, Matrix, Panel, confusion, decisions, roc, scatter};

/// Columns and rows of the pixels that are near a colour.
fn pixels(figure: &Figure, color: Color) -> Result<Vec<(usize, usize)>> {
    let Bitmap { width, rgb, .. } = figure.render()?;
    let near = |pixel: &[u8]| pixel.iter().zip(color.channels()).all(|(&a, b)| a.abs_diff(b) <= 6);
    let place = |(index, pixel)| near(pixel).then_some((index % width as usize, index / width as usize));
    Ok(rgb.chunks_exact(3).enumerate().filter_map(place).collect())
}

fn mean(values: impl Iterator<Item = usize> + Clone) -> f64 {
    values.clone().sum::<usize>() as f64 / values.count().max(1) as f64
}

#[test]
fn lines_go_where_their_points_are() -> Result<()> {
    let points: Vec<(f64, f64)> = (0..=10).map(|k| (f64::from(k), f64::from(k))).collect();
    let up = Figure::new("").panel(Panel::new("").y_range(0.0..10.0).line("", Color::RED, &points));
    let red = pixels(&up, Color::RED)?;
    assert!(red.len() > 1000, "{}", red.len());
    // Upwards to the right: the right end is above the left one.
    let (left, right) = (red.iter().min().expect("a pixel"), red.iter().max().expect("a pixel"));
    assert!(right.0 > left.0 + 500 && right.1 + 300 < left.1, "{left:?} {right:?}");
    // Half of the line is missing where a point is not finite.
    let mut broken = points.clone();
    broken.iter_mut().take(6).for_each(|point| point.1 = f64::NAN);
    let half =
        Figure::new("").panel(Panel::new("").x_range(-0.4..10.4).y_range(0.0..10.0).line("", Color::RED, &broken));
    let rest = pixels(&half, Color::RED)?.len() as f64 / red.len() as f64;
    assert!((0.3..0.55).contains(&rest), "{rest}");
    // A name adds the sign of the legend, below the frame.
    let named = Figure::new("").panel(Panel::new("").line("a name", Color::RED, &points));
    let lowest = |pixels: &[(usize, usize)]| pixels.iter().map(|pixel| pixel.1).max();
    assert!(lowest(&pixels(&named, Color::RED)?) > lowest(&red).map(|row| row + 50));
    Ok(())
}

#[test]
fn scales_place_values() -> Result<()> {
    // Three decades: 10 is a third of the way up on a logarithmic scale, and nearly at the bottom of a linear one.
    let dots = |panel: Panel| {
        panel.y_range(1.0..1000.0).dots("", Color::RED, &[(0.0, 10.0)]).dots("", Color::BLUE, &[(0.0, 1.0)]).dots(
            "",
            Color::TEAL,
            &[(0.0, 1000.0)],
        )
    };
    for (panel, part) in [(Panel::new("").logarithmic(), 1.0 / 3.0), (Panel::new(""), 9.0 / 999.0)] {
        let figure = Figure::new("").panel(dots(panel));
        let row = |color| Ok::<f64, candle_core::Error>(mean(pixels(&figure, color)?.iter().map(|pixel| pixel.1)));
        let (value, low, high) = (row(Color::RED)?, row(Color::BLUE)?, row(Color::TEAL)?);
        assert!(((low - value) / (low - high) - part).abs() < 0.015, "{value} {low} {high}");
    }
    Ok(())
}

#[test]
fn fields_and_matrices_are_the_right_way_round() -> Result<()> {
    // Class 1 at the upper right alone.
    let (x, y) = (-1.0..1.0, -1.0..1.0);
    let values =
        Field::grid(x.clone(), y.clone(), 60)?.iter().map(|&[x, y]| f64::from(u8::from(x > 0.2 && y > 0.2))).collect();
    let colors = [Color::BLUE, Color::rgb(255, 0, 0)];
    let field = Field { x, y, columns: 60, values, colors, ..Field::default() };
    let figure = Figure::new("").panel(Panel::new("").field(field));
    let red = pixels(&figure, Color::rgb(255, 140, 140))?;
    let blue = pixels(&figure, Color::rgb(160, 189, 219))?;
    assert!(red.len() > 10_000 && blue.len() > 30_000, "{} {}", red.len(), blue.len());
    assert!(mean(red.iter().map(|p| p.0)) > mean(blue.iter().map(|p| p.0)));
    assert!(mean(red.iter().map(|p| p.1)) < mean(blue.iter().map(|p| p.1)));

    // A line half-way that runs along a line of the grid and across others is not cut by them.
    let values = Field::grid(-1.0..1.0, -1.0..1.0, 60)?.iter().map(|point| point[1]).collect();
    let field = Field {
        x: -1.0..1.0,
        y: -1.0..1.0,
        columns: 60,
        values,
        range: -1.0..1.0,
        colors,
        line: true,
        ..Field::default()
    };
    let ink = pixels(&Figure::new("").panel(Panel::new("").field(field)), Color::INK)?;
    let longest = ink.chunk_by(|a, b| a.1 == b.1 && a.0 + 1 == b.0).map(<[_]>::len).max();
    assert!(longest >= Some(648), "{longest:?} pixels of 650");

    // One sample of class 0 taken for class 2: the cell in the first row and the last column.
    let names = ["a", "b", "c"].map(str::to_owned);
    let panel = confusion("", &Confusion::new(&names, &[0, 1, 2], &[2, 1, 2])?, Color::RED)?;
    let full = pixels(&Figure::new("").panel(panel), Color::RED)?;
    let columns = full.iter().map(|p| p.0).max().expect("cells") - full.iter().map(|p| p.0).min().expect("cells");
    let first = full.iter().filter(|p| p.1 < full[0].1 + 20).map(|p| p.0).min().expect("a cell");
    assert!(first > full.iter().map(|p| p.0).min().expect("cells") + columns / 3);
    Ok(())
}

#[test]
fn flat_matrices_take_little_room_and_long_headings_their_own() -> Result<()> {
    let matrix = |rows: usize, columns: usize| {
        let names = |count: usize| (0..count).map(|k| k.to_string()).collect();
        let shades = vec![1.0; rows * columns];
        Matrix { rows: names(rows), columns: names(columns), shades, color: Color::RED, ..Matrix::default() }
    };
    let height = |rows, columns| Figure::new("").panel(Panel::new("").matrix(matrix(rows, columns))).render();
    let (flat, square) = (height(4, 20)?.height, height(20, 20)?.height);
    assert!(flat + 350 < square, "{flat} {square}");

    // Two black images: the only dark pixels above the second image are its own heading, however long the first heading
    // is.
    let image = |heading: &str| Panel::new(heading).image(2, &[0.0; 4]);
    let dark = |heading: &str| -> Result<usize> {
        let Bitmap { width, height, rgb, .. } = Figure::new("").panel(image(heading)).panel(image("")).render()?;
        let right = |index: usize| {
            index % width as usize > width as usize / 2 && index / (width as usize) < height as usize / 3
        };
        Ok(rgb.chunks_exact(3).enumerate().filter(|(index, pixel)| right(*index) && pixel[0] < 200).count())
    };
    assert_eq!(dark("ankle boot as a very old sneaker")?, dark("a")?);
    Ok(())
}

#[test]
fn bars_and_long_names_stay_on_the_page() -> Result<()> {
    // Bars stand on the frame on a logarithmic scale: ten times as much is a decade higher.
    let figure =
        Figure::new("").panel(Panel::new("").logarithmic().y_range(1.0..1000.0).bars("", Color::RED, &[10.0, 100.0]));
    let (first, second) = (pixels(&figure, Color::RED)?, pixels(&figure, Color::RED)?);
    let middle =
        (first.iter().map(|p| p.0).min().expect("a bar") + first.iter().map(|p| p.0).max().expect("a bar")) / 2;
    let left = first.iter().filter(|p| p.0 < middle - 20).count() as f64;
    let right = second.iter().filter(|p| p.0 > middle + 20).count() as f64;
    assert!((right / left - 2.0).abs() < 0.1, "{left} {right}");
    let names = ["a".repeat(3000), "b ".repeat(200), "c".to_owned()];
    let long = Figure::new("").panel(confusion("", &Confusion::new(&names, &[0, 1, 2], &[0, 1, 2])?, Color::RED)?);
    let cells = pixels(&long, Color::RED)?;
    let width = cells.iter().map(|p| p.0).max().expect("cells") - cells.iter().map(|p| p.0).min().expect("cells");
    assert!(cells.len() > 10_000 && width > 200, "{} {width}", cells.len());
    Ok(())
}

#[test]
fn classifiers_on_a_plane() -> Result<()> {
    let Split { train, test, .. } =
        data::circles(60, CirclesConfig { noise: 0.05, factor: 0.5, seed: 1, ..Default::default() })?.split(0.25, 1)?;
    let inside = |points: &Tensor| -> Result<Vec<f64>> {
        let radius = points.sqr()?.sum(1)?.to_vec1::<f32>()?;
        Ok(radius.into_iter().map(|square| if square < 0.56 { 1.0 } else { 0.0 }).collect())
    };
    let figure = Figure::new("circles").note("a note").panel(decisions("by hand", &train, &test, inside)?);
    let Bitmap { width, height, .. } = figure.render()?;
    assert!(width >= 800 && height >= 800, "{width} x {height}");
    assert_eq!(figure.render()?, figure.render()?);
    let wrong = decisions("", &train, &test, |_| Ok(vec![0.5]));
    assert!(matches!(wrong, Err(Error::Tensor(TensorError::Shape { what: "the probabilities", .. }))));
    let line = Dataset::new(
        Tensor::zeros((1, 1), candle_core::DType::F32, &Device::Cpu)?,
        Tensor::new(&[0u32], &Device::Cpu)?,
        vec!["a".into()],
    )?;
    assert!(scatter("", &line, &line).is_err());
    Ok(())
}

/// The axes of a data set's picture have the names of its columns, and a sample that cannot be drawn is an error.
#[test]
fn data_sets_have_their_names_in_pictures() -> Result<()> {
    let rows: String = (0..8).map(|k| format!("{}.5,{},x,{}\n", k, k * k, ["well", "ill"][k % 2])).collect();
    let csv = |rows: &str| Table::parse(&format!("age [years],pulse,colour,state\n{rows}"), ',');
    let encoder =
        TableEncoder::fit(&csv(&rows)?, &CsvConfig { on_missing: Missing::Keep, ..CsvConfig::with_label("state") })?;
    let set = encoder.encode(&csv(&rows)?)?;
    let probabilities = |points: &Tensor| Ok(vec![0.5; points.dims()[0]]);
    for panel in [scatter("", &set, &set)?, decisions("", &set, &set, probabilities)?] {
        // A picture has outlines of letters, so the names are looked for in the panel.
        let text = format!("{panel:?}");
        assert!(text.contains(r#"names: ["age [years]", "pulse"]"#), "{}", &text[..200]);
        assert!(Figure::new("").panel(panel).render()?.width > 0);
    }
    let gap = encoder.encode(&csv("1,2,x,ill\n3,NA,x,well\n")?)?;
    let error = scatter("", &set, &gap).unwrap_err();
    let Error::Tensor(TensorError::FeatureNotFinite { sample: 1, feature: 1, name, .. }) = error else {
        panic!("{error}")
    };
    assert_eq!(name.as_deref(), Some("pulse"));
    Ok(())
}

#[test]
fn numbers_that_cannot_be_drawn() -> Result<()> {
    let strange =
        [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1e308, -1e308, 1e-320, 1.0, f64::MIN_POSITIVE];
    let all: Vec<(f64, f64)> = strange.iter().flat_map(|&x| strange.map(|y| (x, y))).collect();
    for points in [&all[..], &[], &all[..1], &[(1.0, 1.0)], &[(1e300, 1e300), (-1e300, -1e300)], &[(0.0, 5e-324)]] {
        for panel in [Panel::new(""), Panel::new("").logarithmic(), Panel::new("").counting(), Panel::new("").equal()] {
            let values: Vec<f64> = points.iter().map(|point| point.1).collect();
            let panel =
                panel.line("l", Color::RED, points).dashes("d", Color::RED, points).dots("p", Color::BLUE, points);
            let ends: Vec<_> = points.windows(2).map(|pair| [pair[0], pair[1]]).collect();
            let panel =
                panel.diamonds("q", Color::BLUE, points).bars("b", Color::TEAL, &values).segments(Color::INK, &ends);
            Figure::new("strange").panel(panel.clone()).render()?;
        }
    }
    for range in [0.0..0.0, 1.0..0.0, f64::NAN..1.0, 0.0..f64::INFINITY, -1e308..1e308] {
        for panel in [Panel::new(""), Panel::new("").logarithmic().counting()] {
            let panel = panel.y_range(range.clone()).x_range(range.clone());
            Figure::new("").panel(panel.line("", Color::RED, &all)).render()?;
        }
    }
    Ok(())
}

#[test]
fn what_does_not_fit_is_an_error() -> Result<()> {
    let refused =
        |panel: Panel| matches!(Figure::new("").panel(panel).render(), Err(Error::File(FileError::Picture { .. })));
    let field = |columns, count| {
        let colors = [Color::RED, Color::BLUE];
        Field { x: 0.0..1.0, y: 0.0..1.0, columns, values: vec![0.5; count], colors, line: true, ..Field::default() }
    };
    assert!(refused(Panel::new("").field(field(0, 4))) && refused(Panel::new("").field(field(3, 4))));
    assert!(!refused(Panel::new("").field(field(1, 1))));
    assert!(refused(Panel::new("").image(0, &[])) && refused(Panel::new("").image(2, &[1.0; 3])));
    let matrix = |shades, texts| {
        let (rows, columns) = (vec!["r".to_owned(); 2], vec!["c".to_owned(); 3]);
        Matrix {
            rows,
            columns,
            shades: vec![0.5; shades],
            texts: vec![String::new(); texts],
            color: Color::RED,
            ..Matrix::default()
        }
    };
    assert!(refused(Panel::new("").matrix(matrix(5, 0))) && refused(Panel::new("").matrix(matrix(6, 1))));
    assert!(!refused(Panel::new("").matrix(matrix(6, 6))));
    assert!(matches!(Figure::new("").render(), Err(Error::File(FileError::Picture { .. }))));
    for side in [usize::MAX, 1 << 31] {
        assert!(matches!(Field::grid(0.0..1.0, 0.0..1.0, side), Err(Error::Memory(MemoryError::Numbers { .. }))));
    }
    let tall = (0..400).fold(Figure::new("").columns(1), |figure, _| figure.panel(Panel::new("")));
    assert!(
        matches!(tall.render(), Err(Error::File(FileError::Picture { source, .. })) if source.to_string().contains("pixels"))
    );
    let jpeg = Figure::new("").panel(Panel::new("")).save(std::env::temp_dir().join("candlewick.jpg"));
    assert!(matches!(jpeg, Err(Error::File(FileError::Picture { source, .. })) if source.to_string().contains(".png")));
    let nowhere = Figure::new("").panel(Panel::new("")).save("/nonexistent/folder/a.png");
    assert!(matches!(nowhere, Err(Error::File(FileError::Picture { path, .. })) if path.ends_with("a.png")));
    Ok(())
}

/// Relative luminance, as WCAG 2 defines it.
fn luminance(rgb: &[u8]) -> f64 {
    let linear = |channel: u8| match f64::from(channel) / 255.0 {
        value if value <= 0.04045 => value / 12.92,
        value => ((value + 0.055) / 1.055).powf(2.4),
    };
    0.2126 * linear(rgb[0]) + 0.7152 * linear(rgb[1]) + 0.0722 * linear(rgb[2])
}

/// The numbers in the cells can be read, whatever the shade: contrast 4.5 or more.
#[test]
fn numbers_stand_out_from_their_cells() -> Result<()> {
    for color in [Color::BLUE, Color::VIOLET, Color::TEAL, Color::GOLD, Color::ORANGE, Color::GRAY, Color::RED] {
        for start in [0.0, 0.25, 0.5, 0.75] {
            let shades: Vec<f64> = (0..8).map(|k| start + f64::from(k) / 28.0).collect();
            let names = |count| vec![String::new(); count];
            let texts = vec!["888".to_owned(); 8];
            let matrix = Matrix { rows: names(1), columns: names(8), shades, texts, color, ..Matrix::default() };
            let Bitmap { width, height, rgb, .. } = Figure::new("").panel(Panel::new("").matrix(matrix)).render()?;
            // A row through the digits is a row of the picture with many cells in it.
            let row = |y: usize| &rgb[3 * y * width as usize..3 * (y + 1) * width as usize];
            let is_white = |pixel: &[u8]| pixel.iter().all(|&channel| channel > 250);
            let filled = |y: usize| row(y).chunks_exact(3).filter(|pixel| !is_white(pixel)).count();
            let rows: Vec<usize> = (0..height as usize).filter(|&y| filled(y) > width as usize / 2).collect();
            let inside = &rows[rows.len() / 4..3 * rows.len() / 4];
            let columns: Vec<usize> = {
                let y = inside[0];
                let any = |x: usize| !is_white(&row(y)[3 * x..3 * x + 3]);
                (0..width as usize).filter(|&x| any(x)).collect()
            };
            let (left, right) = (columns[0], columns[columns.len() - 1]);
            let cell = (right - left) / 8;
            for k in 0..8 {
                let pixels = inside.iter().flat_map(|&y| {
                    let from = left + k * cell + cell / 8;
                    row(y)[3 * from..3 * (from + 3 * cell / 4)].chunks_exact(3)
                });
                let values: Vec<f64> = pixels.map(luminance).collect();
                let most = values.iter().copied().fold(0.0, f64::max);
                let least = values.iter().copied().fold(1.0, f64::min);
                let contrast = (most + 0.05) / (least + 0.05);
                assert!(contrast >= 4.4, "{color:?}, shade {start} + {k}/28: {contrast}");
            }
        }
    }
    Ok(())
}

/// A logarithmic scale ends where the numbers end, not at the next power of ten.
#[test]
fn scales_end_where_the_numbers_do() -> Result<()> {
    let heights = |panel: Panel| -> Result<f64> {
        let figure = Figure::new("").panel(panel);
        let rows: Vec<usize> = pixels(&figure, Color::RED)?.iter().map(|pixel| pixel.1).collect();
        let span = rows.iter().max().expect("a line") - rows.iter().min().expect("a line");
        Ok(span as f64 / 425.0) // of the frame
    };
    for (low, high) in [(0.54, 1.07), (2.0, 30.0), (1e-4, 0.3), (1e-30, 1.0)] {
        let points = [(0.0, low), (1.0, high)];
        for panel in [Panel::new("").logarithmic(), Panel::new("")] {
            let height = heights(panel.line("", Color::RED, &points))?;
            assert!((0.8..1.0).contains(&height), "{low} to {high}: {height}");
        }
    }
    Ok(())
}

#[test]
fn curves_of_scores() -> Result<()> {
    // A perfect curve goes up along the left edge; a useless one along the diagonal.
    let good = RocCurve::new(&[0.1, 0.2, 0.8, 0.9], &[false, false, true, true])?;
    let figure = Figure::new("").panel(roc("", &[("good", &good)]));
    let line = pixels(&figure, Color::nth(0))?;
    let (left, top) =
        (line.iter().map(|p| p.0).min().expect("a line"), line.iter().map(|p| p.1).min().expect("a line"));
    let is_inside = |p: &&(usize, usize)| p.0 > left + 8 && p.1 > top + 8 && p.1 < top + 640;
    assert_eq!((line.len() > 1200, line.iter().filter(is_inside).count()), (true, 0));
    Ok(())
}

fn wave(panel: Panel) -> Panel {
    let points: Vec<(f64, f64)> = (0..=100).map(|k| f64::from(k) / 10.0).map(|x| (x, x.sin())).collect();
    panel.axes("θ (rad)", "⟨Z⟩").line("wave <&>", Color::RED, &points).dashes("dashes", Color::TEAL, &points)
}

/// Numbers behind each occurrence of a name in a text.
fn attributes(text: &str, name: &str) -> Vec<f64> {
    let start = format!("{name}=\"");
    text.split(&start).skip(1).filter_map(|rest| rest.split('"').next()?.parse().ok()).collect()
}

#[test]
fn svg_shows_what_the_bitmap_shows() -> Result<()> {
    let values = Field::grid(0.0..1.0, 0.0..1.0, 20)?.iter().map(|point| point[0]).collect();
    let field = Field { columns: 20, values, line: true, ..Field::default() };
    let figure = Figure::new("A <title> & more")
        .panel(wave(Panel::new("curve")).dots("dot", Color::BLUE, &[(5.0, 0.5)]))
        .panel(Panel::new("field").field(field).color_bar("value"));
    let (svg, again, bitmap) = (figure.to_svg()?, figure.to_svg()?, figure.render()?);
    assert_eq!(svg, again);
    assert!(svg.contains("<title>A &lt;title&gt; &amp; more</title>") && !svg.contains("<text"));
    assert!(svg.contains(&format!("width=\"{}\" height=\"{}\"", bitmap.width, bitmap.height)));
    // A white page, a field and its bar as pixels, and no reference to anything outside.
    assert!(svg.contains("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"));
    assert_eq!((svg.matches("<image ").count(), svg.matches("href=\"http").count()), (2, 0));
    // Two disks are the dot; the pixels of the bitmap with its colour are around the same place.
    let blue: Vec<(usize, usize)> =
        pixels(&figure, Color::BLUE)?.into_iter().filter(|p| p.1 < bitmap.height as usize - 60).collect();
    let disk = [attributes(&svg, "cx")[0] / 2.0, attributes(&svg, "cy")[0] / 2.0];
    let found = [mean(blue.iter().map(|p| p.0)) + 0.5, mean(blue.iter().map(|p| p.1)) + 0.5];
    assert!(disk.iter().zip(found).all(|(a, b)| (a - b).abs() < 1.0), "{disk:?} {found:?}");
    // Every letter that is used is defined.
    let uses = svg.matches("<use href=\"#").count();
    let undefined = svg.split("<use href=\"#").skip(1).filter(|rest| {
        let name = rest.split('"').next().unwrap_or("");
        !svg.contains(&format!("<path id=\"{name}\""))
    });
    assert!(uses > 50 && undefined.count() == 0);

    let path = std::env::temp_dir().join("candlewick-suite-figure.svg");
    figure.save(&path)?;
    assert_eq!(std::fs::read_to_string(&path).expect("the file"), svg);
    std::fs::remove_file(path).expect("the file is there");
    Ok(())
}

#[test]
fn scales_and_frames() -> Result<()> {
    let figure = Figure::new("").panel(wave(Panel::new("")));
    let (one, two) = (figure.render()?, figure.clone().scale(2.0).render()?);
    assert_eq!((2 * one.width, 2 * one.height), (two.width, two.height));
    // Twice as long and twice as wide: four times as much ink, lines and letters included.
    let ratio = darkness(&two) / darkness(&one);
    assert!((3.9..4.1).contains(&ratio), "{ratio}");
    let small = figure.clone().frame(300, 200).render()?;
    assert_eq!(one.height - small.height, 225);

    for scale in [0.0, -1.0, 0.2, 8.1, f64::NAN, f64::INFINITY] {
        let refused = figure.clone().scale(scale).render();
        assert!(matches!(refused, Err(Error::Setting { setting: "scale", .. })), "{scale}");
    }
    for (width, height) in [(99, 425), (650, 2001), (0, 0), (u32::MAX, u32::MAX)] {
        let refused = figure.clone().frame(width, height).to_svg();
        assert!(matches!(refused, Err(Error::Setting { setting: "frame", .. })), "{width} x {height}");
    }
    // 64 pixels for one: too many for a figure of some panels, before any memory is taken.
    let many = (0..20).fold(Figure::new("").scale(8.0), |figure, _| figure.panel(Panel::new("")));
    assert!(
        matches!(many.render(), Err(Error::File(FileError::Picture { source, .. })) if source.to_string().contains("100000000"))
    );
    Ok(())
}

/// Sum of what the pixels lack to white.
fn darkness(of: &Bitmap) -> f64 {
    of.rgb.iter().map(|&channel| f64::from(255 - channel)).sum()
}

/// A dashed line has the same width, whatever its slope: as much ink for its length.
#[test]
fn dashes_are_as_wide_when_steep() -> Result<()> {
    let ink = |to: (f64, f64)| -> Result<f64> {
        let empty = Panel::new("").equal().x_range(0.0..1.0).y_range(0.0..1.0);
        let panel = empty.clone().dashes("", Color::INK, &[(0.1, 0.1), to]);
        let (with, without) = (Figure::new("").panel(panel).render()?, Figure::new("").panel(empty).render()?);
        Ok((darkness(&with) - darkness(&without)) / (to.0 - 0.1).hypot(to.1 - 0.1))
    };
    let flat = ink((0.9, 0.1))?;
    for to in [(0.1, 0.9), (0.9, 0.9), (0.3, 0.9), (0.9, 0.3), (0.11, 0.9)] {
        let ratio = ink(to)? / flat;
        assert!((ratio - 1.0).abs() < 0.08, "{to:?}: {ratio}");
    }
    Ok(())
}

#[test]
fn images_that_are_wrong() -> Result<()> {
    let x = Tensor::arange(0f32, 4.0 * 64.0, &Device::Cpu)?.reshape((4, 1, 8, 8))?;
    let names: Vec<String> = ["cat", "dog"].map(str::to_owned).to_vec();
    let images = Dataset::new(x, Tensor::new(&[0u32, 1, 1, 0], &Device::Cpu)?, names)?;
    let size = |predictions: &[u32], most| -> Result<(u32, u32)> {
        let picture = plot::mistakes("", &images, predictions, most)?.render()?;
        Ok((picture.width, picture.height))
    };
    let (one, two) = (size(&[0, 0, 1, 0], 9)?, size(&[1, 0, 1, 0], 9)?);
    assert_eq!((2 * one.0, one.1), two);
    assert_eq!(size(&[1, 0, 0, 1], 1)?, one);
    size(&[0, 1, 1, 0], 9)?;
    let refused = |predictions: &[u32], most| plot::mistakes("", &images, predictions, most).expect_err("refused");
    assert!(matches!(refused(&[0], 9), Error::Tensor(TensorError::Shape { .. })));
    assert!(matches!(refused(&[0, 1, 2, 0], 9), Error::Data(DataError::Label { .. })));
    assert!(matches!(refused(&[0; 4], 0), Error::Setting { .. }));
    assert!(matches!(refused(&[0; 4], 401), Error::Setting { .. }));
    let table = images.clone().with_x(images.x.reshape((4, 64))?)?;
    assert!(plot::mistakes("", &table, &[0; 4], 9).is_err());
    Ok(())
}

/// A panel without axes has no ink of its own; panels beside a square one are as high.
#[test]
fn bare_panels_and_rows_of_one_height() -> Result<()> {
    let figure = Figure::new("").panel(Panel::new("").bare());
    assert!(figure.render()?.rgb.iter().all(|&channel| channel == 255));
    let square = Panel::new("").equal().x_range(0.0..1.0).y_range(0.0..1.0);
    let high =
        Figure::new("").panel(square.bare()).panel(Panel::new("").dots("", Color::RED, &[(0.0, 0.0), (0.0, 1.0)]));
    let rows = pixels(&high, Color::RED)?;
    let (top, bottom) = (rows.iter().map(|p| p.1).min(), rows.iter().map(|p| p.1).max());
    // Of 650 pixels, the margins of an axis excluded.
    assert!(bottom > top.map(|top| top + 540), "{top:?} {bottom:?}");
    Ok(())
}

/// A line ends where it crosses the frame, with the slope that it has.
#[test]
fn lines_end_at_the_frame() -> Result<()> {
    let square = |points: &[(f64, f64)]| {
        let panel = Panel::new("").equal().x_range(0.0..1.0).y_range(0.0..1.0);
        Figure::new("").panel(panel.line("", Color::RED, points))
    };
    // From below to above: y = 10 x - 4.5 is in the frame from x = 0.45 to 0.55.
    let red = pixels(&square(&[(0.0, -4.5), (1.0, 5.5)]), Color::RED)?;
    let width = red.iter().map(|p| p.0).max().expect("a line") - red.iter().map(|p| p.0).min().expect("a line");
    assert!((60..80).contains(&width), "{width} of 650 pixels");
    // Beside the frame there is nothing.
    assert_eq!(pixels(&square(&[(0.0, 1.5), (1.0, 1e300)]), Color::RED)?.len(), 0);
    // A line along the edge is there; the frame covers its middle.
    assert!(pixels(&square(&[(0.0, 1.0), (1.0, 1.0)]), Color::RED)?.len() > 500);
    Ok(())
}

#[test]
fn rows_without_headings_leave_no_room_for_them() -> Result<()> {
    let height = |heading: &str| -> Result<u32> {
        let panel = Panel::new(heading).line("", Color::BLUE, &[(0.0, 0.0), (1.0, 1.0)]);
        Ok(Figure::new("title").panel(panel).render()?.height)
    };
    assert_eq!(height("heading")? - height("")?, 35);
    // A row with one heading keeps its panels at one height.
    let row = |first: &str, second: &str| Figure::new("").panel(Panel::new(first)).panel(Panel::new(second)).render();
    assert_eq!(row("", "heading")?.height, row("heading", "heading")?.height);
    Ok(())
}

#[test]
fn positions_have_names() -> Result<()> {
    let bars = |panel: Panel| Figure::new("").panel(panel.bars("", Color::BLUE, &[1.0, 2.0, 3.0])).to_svg();
    let letters = |svg: String| svg.matches("<use ").count();
    // `0`, `1` and `2` are as many letters as `a`, `b` and `c`, so only long names add some; more names than positions
    // have no place.
    let named = letters(bars(Panel::new("").positions(["a", "b", "c"]))?);
    assert_eq!(named, letters(bars(Panel::new("").positions(["a", "b", "c", "d", "e"]))?));
    assert_eq!(named + 2, letters(bars(Panel::new("").positions(["a", "bcd", "e"]))?));
    // A name that is wider than its position is shortened.
    assert!(letters(bars(Panel::new("").positions(["a", &"w".repeat(1000), "e"]))?) < named + 30);
    Ok(())
}

#[test]
fn cards_have_transparent_corners() -> Result<()> {
    let figure = Figure::new("").panel(Panel::new("").image(1, &[0.5]));
    assert!(figure.to_svg()?.contains("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"));
    assert!(figure.clone().card().to_svg()?.contains("rx=\"24\" fill=\"#ffffff\" stroke=\"#d0d7de\""));
    let path = std::env::temp_dir().join(format!("candlewick-card-{}.png", std::process::id()));
    // The 26th byte of a PNG is the kind of its colours: 2 without transparency, 6 with it.
    let mut kinds = Vec::new();
    for figure in [figure.clone(), figure.card()] {
        figure.save(&path)?;
        kinds.push(std::fs::read(&path)?[25]);
    }
    std::fs::remove_file(path)?;
    assert_eq!(kinds, [2, 6]);
    Ok(())
}
