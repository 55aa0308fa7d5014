// Colours of the theme, as canvases need them.

let cache = {};
addEventListener("theme", () => (cache = {}));

/** Value of a colour of the style sheet. */
export function colour(name) {
    return (cache[name] ??= getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
}

const CLASSES = 8;

const className = (index) => `class-${index % CLASSES}`;

/** Colour of a class. */
export const classColour = (index) => colour(className(index));

/** Colour of a class for a style, which follows the theme. */
export const classStyle = (index) => `var(--${className(index)})`;

/** Red, green and blue of a colour that is written as `#rrggbb`. */
export const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

const SHAPES = [
    (context, r) => context.arc(0, 0, r, 0, 2 * Math.PI),
    (context, r) => context.rect(-0.88 * r, -0.88 * r, 1.76 * r, 1.76 * r),
    (context, r) => polygon(context, 3, 1.25 * r),
    (context, r) => polygon(context, 4, 1.25 * r),
    (context, r) => polygon(context, 5, 1.15 * r),
];

function polygon(context, corners, r) {
    for (let k = 0; k < corners; k++) {
        const turn = (2 * Math.PI * k) / corners - Math.PI / 2;
        context.lineTo(r * Math.cos(turn), r * Math.sin(turn));
    }
    context.closePath();
}

/** Adds the outline of the mark of a class to the path: classes differ in shape, too, for eyes that see no colours. */
export function mark(context, index, x, y, r) {
    context.save();
    context.translate(x, y);
    context.beginPath();
    SHAPES[index % SHAPES.length](context, r);
    context.restore();
}

/** Prepares a canvas of the size that it has on the screen, and returns its context, width and height. */
export function prepared(canvas) {
    const scale = Math.min(devicePixelRatio || 1, 3);
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    return { context, width, height };
}
