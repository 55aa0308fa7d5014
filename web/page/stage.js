// A plane and the spheres beside it: the same for a model that learns and for one that was loaded.

import { call, latest } from "./remote.js";
import { classStyle } from "./colours.js";
import { Plane } from "./plane.js";
import { Spheres } from "./spheres.js";

export const element = (id) => document.getElementById(id);

/** Makes an element with a text. */
export function made(tag, text = "", name = "") {
    const one = document.createElement(tag);
    one.textContent = text;
    if (name) one.className = name;
    return one;
}

export const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** Shows a problem above everything, or takes it away. */
export function problem(error) {
    const box = element("problem");
    box.hidden = !error;
    box.textContent = error ? (error.message ?? String(error)) : "";
}

/** Says something to those who hear the page. */
export const say = (text) => (element("status").textContent = text);

/** Offers bytes or a text as a file. */
export function download(name, content, type) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([content], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Shows a drawing as a picture, so that nothing in it can run. */
export function showDrawing(svg, text) {
    const picture = new Image();
    picture.alt = text;
    picture.src = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
    picture.onload = () => URL.revokeObjectURL(picture.src);
    return picture;
}

export class Stage {
    /** `on` is the model: `training` or `loaded`; `view` the beginning of the elements' names. */
    constructor(on, view) {
        this.on = on;
        this.output = element(`${view}-probe`);
        this.plane = new Plane(element(`${view}-plane`), (x, y) => this.probe(x, y));
        this.spheres = new Spheres(element(`${view}-spheres`));
        this.probe = latest((x, y) => this.measure(x, y).catch(problem));
    }

    begin({ range, points, classes, features, qubits }) {
        Object.assign(this, { classes, features });
        this.plane.begin({ range, points, classes });
        this.spheres.begin(qubits, points);
    }

    /** Computes the picture anew. */
    async refresh(side) {
        this.show(await call("picture", this.on, side, true));
    }

    show(picture) {
        if (picture) {
            this.plane.show(picture);
            if (picture.cloud) this.spheres.showCloud(picture.cloud);
        }
        this.probe(...this.plane.probe);
    }

    /** Shows what the model gives at a place. */
    async measure(x, y) {
        const { probabilities, vectors } = await call("probe", this.on, x, y);
        if (vectors.length) this.spheres.showArrow(vectors);
        const place = [x, y].map((value, k) => `${this.features[k]} ${value.toFixed(2)}`).join("  ");
        const classes = Array.from(probabilities, (p, k) => {
            const name = made("span", `${this.classes[k]} `);
            const share = made("b", percent(p));
            share.style.color = classStyle(k);
            name.append(share);
            return name;
        });
        this.output.replaceChildren(made("span", place), ...classes);
    }
}

/** Returns the theme that drawings have. */
export const theme = () => document.documentElement.dataset.theme;
