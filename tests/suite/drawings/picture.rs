//! A drawing as an SVG, taken apart.

use roxmltree::{Document, Node};

/// Left, upper, right and lower edge.
pub(super) type Edges = [f64; 4];

/// A text with its edges, its class and its size.
#[derive(Debug, Clone)]
pub(super) struct Label {
    pub(super) text: String,
    pub(super) class: String,
    pub(super) length: f64,
    pub(super) edges: Edges,
}

/// What is drawn of an operation, or outside all operations.
#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    pub(super) title: String,
    pub(super) boxes: Vec<Edges>,
    pub(super) circles: Vec<Edges>,
    pub(super) paths: Vec<Edges>,
    pub(super) labels: Vec<Label>,
}

#[derive(Debug, Clone)]
pub(super) struct Picture {
    pub(super) title: String,
    pub(super) style: String,
    pub(super) size: [f64; 2],
    pub(super) operations: Vec<Group>,
    /// Names, wires and the legend.
    pub(super) rest: Group,
}

pub(super) fn parsed(svg: &str) -> Picture {
    let document = Document::parse(svg).unwrap_or_else(|error| panic!("{error}\n{svg}"));
    let root = document.root_element();
    assert_eq!(root.attribute("role"), Some("img"));
    let child = |name: &str| root.children().find(|node| node.has_tag_name(name)).expect("a child");
    let text = |node: Node<'_, '_>| node.text().unwrap_or_default().to_owned();
    assert_eq!(root.attribute("aria-labelledby"), child("title").attribute("id"));
    let view: Vec<f64> =
        root.attribute("viewBox").expect("a view").split(' ').map(|n| n.parse().expect("a number")).collect();
    let groups = || root.children().filter(|node| node.has_tag_name("g"));
    let names = groups().find(|node| node.has_attribute("id")).expect("the names of wires");
    let mut rest = group(root);
    rest.labels.extend(group(names).labels);
    for copy in root.children().filter(|node| node.has_tag_name("use")) {
        assert_eq!(copy.attribute("href").and_then(|href| href.strip_prefix('#')), names.attribute("id"));
        let down = number(copy, "y");
        rest.labels.extend(group(names).labels.into_iter().map(|mut label| {
            label.edges = [label.edges[0], label.edges[1] + down, label.edges[2], label.edges[3] + down];
            label
        }));
    }
    Picture {
        title: text(child("title")),
        style: text(child("style")),
        size: [view[2], view[3]],
        operations: groups().filter(|node| !node.has_attribute("id")).map(group).collect(),
        rest,
    }
}

fn number(node: Node<'_, '_>, name: &str) -> f64 {
    node.attribute(name).unwrap_or_else(|| panic!("no {name}: {node:?}")).parse().expect("a number")
}

fn group(node: Node<'_, '_>) -> Group {
    let mut group = Group::default();
    for child in node.children().filter(Node::is_element) {
        match child.tag_name().name() {
            "title" => group.title = child.text().unwrap_or_default().to_owned(),
            "rect" if child.attribute("class") != Some("p") => {
                let [x, y, width, height] = ["x", "y", "width", "height"].map(|name| number(child, name));
                group.boxes.push([x, y, x + width, y + height]);
            }
            "circle" => {
                let [x, y, radius] = ["cx", "cy", "r"].map(|name| number(child, name));
                group.circles.push([x - radius, y - radius, x + radius, y + radius]);
            }
            "path" => group.paths.push(path_edges(child.attribute("d").expect("a path"))),
            "text" => group.labels.push(label(child)),
            "rect" | "g" | "style" | "desc" | "use" => {}
            other => panic!("{other}"),
        }
    }
    group
}

fn label(node: Node<'_, '_>) -> Label {
    let class = node.attribute("class").unwrap_or_default().to_owned();
    let is_name = node.parent().is_some_and(|parent| parent.attribute("text-anchor") == Some("end"));
    let class = if is_name { "n".to_owned() } else { class };
    let has = |name: &str| class.split(' ').any(|class| class == name);
    let size = if has("s") {
        9.0
    } else if has("l") {
        11.0
    } else {
        13.0
    };
    let [x, y, length] = ["x", "y", "textLength"].map(|name| number(node, name));
    let left = match (has("n"), has("t") || has("l")) {
        (true, _) => x - length,
        (_, true) => x,
        _ => x - length / 2.0,
    };
    let text = node.text().unwrap_or_default().to_owned();
    Label { text, class, length, edges: [left, y - 0.75 * size, left + length, y + 0.1 * size] }
}

/// The edges of a path of the commands that drawings have.
fn path_edges(path: &str) -> Edges {
    let (mut x, mut y, mut edges) = (0.0, 0.0, [f64::MAX, f64::MAX, f64::MIN, f64::MIN]);
    let mut starts: Vec<usize> =
        path.char_indices().filter(|(_, c)| c.is_ascii_alphabetic()).map(|(at, _)| at).collect();
    starts.push(path.len());
    for part in starts.windows(2) {
        let spaced = path[part[0] + 1..part[1]].replace('-', " -");
        let numbers: Vec<f64> = spaced.split_whitespace().map(|n| n.parse().expect("a number")).collect();
        match (&path[part[0]..=part[0]], &numbers[..]) {
            ("M", [a, b]) => (x, y) = (*a, *b),
            ("H", [a]) => x = *a,
            ("V", [b]) => y = *b,
            ("h", [a]) => x += a,
            ("v", [b]) => y += b,
            ("l" | "m", [a, b]) => (x, y) = (x + a, y + b),
            // Half a circle above the line from its start to its end.
            ("a", [radius, .., a, _]) => {
                edges[1] = edges[1].min(y - radius);
                x += a;
            }
            ("z", []) => {}
            other => panic!("{other:?} in {path}"),
        }
        edges = [edges[0].min(x), edges[1].min(y), edges[2].max(x), edges[3].max(y)];
    }
    edges
}

/// Whether one area is inside the other, but for the rounding of numbers.
pub(super) fn is_inside(inner: Edges, outer: Edges) -> bool {
    let slack = 0.11;
    inner[0] >= outer[0] - slack
        && inner[1] >= outer[1] - slack
        && inner[2] <= outer[2] + slack
        && inner[3] <= outer[3] + slack
}

/// Whether two areas overlap, but for the rounding of numbers.
pub(super) fn overlap(a: Edges, b: Edges) -> bool {
    let slack = 0.11;
    a[0] < b[2] - slack && b[0] < a[2] - slack && a[1] < b[3] - slack && b[1] < a[3] - slack
}
