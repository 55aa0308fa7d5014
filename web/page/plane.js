// The plane: the classes that a model gives to each place, the points, and the place under test.

import { channels, classColour, colour, mark, prepared } from "./colours.js";

/** Steps of the arrow keys along a side. */
const STRIDES = 40;

export class Plane {
    /** `moved` is called with the coordinates of the place under test. */
    constructor(canvas, moved) {
        this.canvas = canvas;
        this.moved = moved;
        this.cells = document.createElement("canvas");
        this.clear();
        canvas.addEventListener("pointermove", (event) => this.point(event));
        canvas.addEventListener("pointerdown", (event) => this.point(event));
        canvas.addEventListener("keydown", (event) => this.key(event));
        new ResizeObserver(() => this.draw()).observe(canvas);
        addEventListener("theme", () => this.show(this.picture));
    }

    clear() {
        Object.assign(this, { range: null, points: [], classes: [], picture: null, probe: null });
    }

    /** Begins with other points, three numbers each. */
    begin({ range, points = [], classes }) {
        const [[left, right], [low, high]] = range;
        Object.assign(this, { range, points, classes, picture: null });
        this.probe = [left + 0.5 * (right - left), low + 0.5 * (high - low)];
        this.draw();
    }

    /** Shows probabilities of classes over a grid, row by row from the top. */
    show(picture) {
        this.picture = picture;
        if (picture) this.colour(picture);
        this.draw();
    }

    /** Gives each cell the mixture of the classes' colours, the stronger the surer the model is. */
    colour({ side, grid }) {
        const count = this.classes.length;
        const colours = this.classes.map((_, k) => channels(classColour(k)));
        const ground = channels(colour("card"));
        this.cells.width = this.cells.height = side;
        const context = this.cells.getContext("2d");
        const image = context.createImageData(side, side);
        for (let cell = 0; cell < side * side; cell++) {
            const sure = Math.max(...grid.subarray(cell * count, (cell + 1) * count));
            const share = 0.12 + 0.58 * ((sure - 1 / count) / (1 - 1 / count));
            for (let c = 0; c < 3; c++) {
                let mixed = 0;
                for (let k = 0; k < count; k++) mixed += grid[cell * count + k] * colours[k][c];
                image.data[4 * cell + c] = share * mixed + (1 - share) * ground[c];
            }
            image.data[4 * cell + 3] = 255;
        }
        context.putImageData(image, 0, 0);
    }

    draw() {
        if (!this.range || !this.canvas.clientWidth) return;
        const { context, width, height } = prepared(this.canvas);
        const [[left, right], [low, high]] = this.range;
        const at = (x, y) => [((x - left) / (right - left)) * width, ((high - y) / (high - low)) * height];
        context.fillStyle = colour("page");
        context.fillRect(0, 0, width, height);
        if (this.picture) {
            context.imageSmoothingQuality = "high";
            context.drawImage(this.cells, 0, 0, width, height);
            this.border(context, width, height);
        }
        const r = Math.max(2.6, width / 130) * (this.points.length > 900 ? 0.75 : 1);
        context.lineWidth = Math.max(1, r / 4);
        context.strokeStyle = colour("card");
        for (let k = 0; k < this.points.length; k += 3) {
            mark(context, this.points[k + 2], ...at(this.points[k], this.points[k + 1]), r);
            context.fillStyle = classColour(this.points[k + 2]);
            context.fill();
            context.stroke();
        }
        this.cross(context, ...at(...this.probe), width, height);
    }

    /** Draws the lines between classes, by marching squares over the centres of cells. */
    border(context, width, height) {
        const { side, grid } = this.picture;
        const count = this.classes.length;
        const lead = (cell, k) => {
            let other = 0;
            for (let j = 0; j < count; j++) if (j !== k) other = Math.max(other, grid[cell * count + j]);
            return grid[cell * count + k] - other;
        };
        context.beginPath();
        // With two classes, both have the same line.
        for (let k = 0; k < (count === 2 ? 1 : count); k++) {
            const leads = Float64Array.from({ length: side * side }, (_, cell) => lead(cell, k));
            contour(leads, side, (x, y, start) => {
                const place = [((x + 0.5) / side) * width, ((y + 0.5) / side) * height];
                if (start) context.moveTo(...place);
                else context.lineTo(...place);
            });
        }
        context.strokeStyle = colour("ink");
        context.globalAlpha = 0.75;
        context.lineWidth = 1.5;
        context.stroke();
        context.globalAlpha = 1;
    }

    /** Draws the place under test. */
    cross(context, x, y, width, height) {
        context.strokeStyle = colour("ink");
        context.lineWidth = 1;
        context.globalAlpha = 0.4;
        context.beginPath();
        context.moveTo(x, 0);
        context.lineTo(x, height);
        context.moveTo(0, y);
        context.lineTo(width, y);
        context.stroke();
        context.globalAlpha = 1;
        context.lineWidth = 2.5;
        context.beginPath();
        context.arc(x, y, 8, 0, 2 * Math.PI);
        context.stroke();
    }

    move(x, y) {
        const [[left, right], [low, high]] = this.range;
        this.probe = [Math.min(Math.max(x, left), right), Math.min(Math.max(y, low), high)];
        this.draw();
        this.moved(...this.probe);
    }

    point(event) {
        if (!this.range) return;
        const box = this.canvas.getBoundingClientRect();
        const [[left, right], [low, high]] = this.range;
        const along = (event.clientX - box.left) / box.width;
        const down = (event.clientY - box.top) / box.height;
        this.move(left + along * (right - left), high - down * (high - low));
    }

    key(event) {
        const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
        if (!direction || !this.range) return;
        event.preventDefault();
        const [[left, right], [low, high]] = this.range;
        const stride = event.shiftKey ? 5 / STRIDES : 1 / STRIDES;
        const [x, y] = this.probe;
        this.move(x + direction[0] * stride * (right - left), y + direction[1] * stride * (high - low));
    }
}

/** Calls `to(x, y, start)` along the lines where values on a square grid are 0. */
function contour(values, side, to) {
    for (let y = 0; y + 1 < side; y++) {
        for (let x = 0; x + 1 < side; x++) {
            const corners = [
                [x, y],
                [x + 1, y],
                [x + 1, y + 1],
                [x, y + 1],
            ];
            const v = corners.map(([cx, cy]) => values[cy * side + cx]);
            const cuts = [];
            for (let e = 0; e < 4; e++) {
                const [a, b] = [v[e], v[(e + 1) % 4]];
                if (a > 0 === b > 0) continue;
                const t = a / (a - b);
                const [[ax, ay], [bx, by]] = [corners[e], corners[(e + 1) % 4]];
                cuts.push([ax + t * (bx - ax), ay + t * (by - ay)]);
            }
            // Four cuts are a saddle, whose lines go from the first to the second and from the third to the fourth.
            for (let c = 0; c + 1 < cuts.length; c += 2) {
                to(...cuts[c], true);
                to(...cuts[c + 1], false);
            }
        }
    }
}
