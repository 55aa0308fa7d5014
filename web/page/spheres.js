// Bloch spheres: the state of each qubit, as an arrow for the place under test and dots for the points.

import { classColour, colour, prepared } from "./colours.js";

/** Directions of the axes on the screen, as if seen from a little above and beside x: right and up of x, y and z. */
const VIEW = { x: [-0.42, -0.36], y: [0.91, -0.16], z: [0, 0.92] };
/** Dots of a sphere, at most. */
const DOTS = 400;

export class Spheres {
    constructor(box) {
        this.box = box;
        this.figures = [];
        new ResizeObserver(() => this.draw()).observe(box);
        addEventListener("theme", () => this.draw());
    }

    begin(qubits, points = []) {
        this.classes = points.filter((_, k) => k % 3 === 2);
        this.cloud = this.vectors = null;
        this.figures = Array.from({ length: qubits }, (_, q) => {
            const figure = document.createElement("figure");
            const canvas = document.createElement("canvas");
            canvas.setAttribute("role", "img");
            const caption = document.createElement("figcaption");
            caption.textContent = `qubit ${q}`;
            figure.append(canvas, caption);
            return { figure, canvas, caption };
        });
        this.box.replaceChildren(...this.figures.map(({ figure }) => figure));
        this.draw();
    }

    /** Shows the vectors of the points: three numbers for each qubit of each point. */
    showCloud(cloud) {
        this.cloud = cloud;
        this.draw();
    }

    /** Shows the vectors of the place under test: three numbers for each qubit. */
    showArrow(vectors) {
        this.vectors = vectors;
        this.draw();
    }

    draw() {
        this.figures.forEach((figure, q) => this.sphere(figure, q));
    }

    sphere({ canvas, caption }, q) {
        if (!canvas.clientWidth) return;
        const { context, width, height } = prepared(canvas);
        const r = 0.39 * Math.min(width, height);
        const on = ([x, y, z]) => [
            width / 2 + r * (VIEW.x[0] * x + VIEW.y[0] * y + VIEW.z[0] * z),
            height / 2 - r * (VIEW.x[1] * x + VIEW.y[1] * y + VIEW.z[1] * z),
        ];
        ball(context, width / 2, height / 2, r);
        ring(context, (t) => on([Math.cos(t), Math.sin(t), 0]));
        ring(context, (t) => on([Math.cos(t), 0, Math.sin(t)]));
        ring(context, (t) => on([0, Math.cos(t), Math.sin(t)]));
        if (this.cloud) this.dots(context, q, on, r);
        context.fillStyle = colour("soft");
        context.font = `${Math.round(r / 6) + 4}px system-ui, sans-serif`;
        context.textAlign = "center";
        context.textBaseline = "middle";
        context.fillText("|0⟩", width / 2, height / 2 - 1.14 * r);
        context.fillText("|1⟩", width / 2, height / 2 + 1.14 * r);
        if (!this.vectors) return;
        const vector = Array.from(this.vectors.slice(3 * q, 3 * q + 3));
        arrow(context, on([0, 0, 0]), on(vector));
        const length = Math.hypot(...vector);
        caption.textContent = `qubit ${q}: length ${length.toFixed(2)}`;
        const [x, y, z] = vector.map((value) => value.toFixed(2));
        canvas.setAttribute("aria-label", `Bloch vector of qubit ${q}: x ${x}, y ${y}, z ${z}`);
    }

    dots(context, q, on, r) {
        const qubits = this.figures.length;
        const count = this.classes.length;
        const stride = Math.ceil(count / DOTS);
        context.globalAlpha = 0.7;
        for (let k = 0; k < count; k += stride) {
            const from = 3 * (k * qubits + q);
            const [x, y] = on(this.cloud.subarray(from, from + 3));
            context.beginPath();
            context.arc(x, y, Math.max(1.3, r / 34), 0, 2 * Math.PI);
            context.fillStyle = classColour(this.classes[k]);
            context.fill();
        }
        context.globalAlpha = 1;
    }
}

function ball(context, x, y, r) {
    const light = context.createRadialGradient(x - 0.35 * r, y - 0.4 * r, 0.1 * r, x, y, r);
    light.addColorStop(0, colour("card"));
    light.addColorStop(1, colour("page"));
    context.beginPath();
    context.arc(x, y, r, 0, 2 * Math.PI);
    context.fillStyle = light;
    context.fill();
    context.strokeStyle = colour("edge");
    context.lineWidth = 1.5;
    context.stroke();
}

function ring(context, place) {
    context.beginPath();
    for (let k = 0; k <= 48; k++) context.lineTo(...place((2 * Math.PI * k) / 48));
    context.strokeStyle = colour("edge");
    context.lineWidth = 1;
    context.stroke();
}

function arrow(context, [fromX, fromY], [x, y]) {
    const turn = Math.atan2(y - fromY, x - fromX);
    const length = Math.hypot(x - fromX, y - fromY);
    context.strokeStyle = context.fillStyle = colour("ink");
    context.lineWidth = 2.5;
    context.lineCap = "round";
    context.beginPath();
    context.moveTo(fromX, fromY);
    context.lineTo(x, y);
    context.stroke();
    const head = Math.min(9, 0.6 * length);
    context.beginPath();
    context.moveTo(x, y);
    for (const side of [-0.45, 0.45]) context.lineTo(x - head * Math.cos(turn + side), y - head * Math.sin(turn + side));
    context.closePath();
    context.fill();
    context.beginPath();
    context.arc(fromX, fromY, 2.2, 0, 2 * Math.PI);
    context.fill();
}
