// Loss and accuracy over the steps.

import { colour, prepared } from "./colours.js";

export class Curves {
    constructor(canvas) {
        this.canvas = canvas;
        this.losses = [];
        new ResizeObserver(() => this.draw()).observe(canvas);
        addEventListener("theme", () => this.draw());
    }

    clear() {
        this.losses = [];
        this.draw();
    }

    add(losses) {
        this.losses.push(...losses);
        this.draw();
    }

    draw() {
        if (!this.canvas.clientWidth) return;
        const { context, width, height } = prepared(this.canvas);
        const [left, right, top, bottom] = [34, width - 40, 8, height - 20];
        const most = Math.max(0.1, ...this.losses.slice(0, 1).map(({ loss }) => 1.1 * loss), this.highest());
        context.font = "11px system-ui, sans-serif";
        context.lineWidth = 1;
        context.textBaseline = "middle";
        for (const share of [0, 0.5, 1]) {
            const y = bottom - share * (bottom - top);
            context.strokeStyle = colour("edge");
            context.beginPath();
            context.moveTo(left, y);
            context.lineTo(right, y);
            context.stroke();
            context.textAlign = "right";
            context.fillStyle = colour("accent");
            context.fillText((share * most).toFixed(2), left - 5, y);
            context.textAlign = "left";
            context.fillStyle = colour("good");
            context.fillText(`${100 * share} %`, right + 5, y);
        }
        context.fillStyle = colour("soft");
        context.textAlign = "right";
        context.fillText(`${Math.max(this.losses.length, 1)} steps`, right, height - 6);
        this.line(context, "accuracy", colour("good"), 1, [left, right, top, bottom]);
        this.line(context, "loss", colour("accent"), most, [left, right, top, bottom]);
    }

    highest() {
        let most = 0;
        for (const { loss } of this.losses) most = Math.max(most, loss);
        return most;
    }

    /** Draws one curve, with at most two places a pixel. */
    line(context, of, ink, most, [left, right, top, bottom]) {
        const count = this.losses.length;
        if (count === 0) return;
        const stride = Math.max(1, Math.floor(count / (2 * (right - left))));
        context.beginPath();
        for (let k = 0; k < count; k += stride) {
            const x = left + ((right - left) * k) / Math.max(count - 1, 1);
            context.lineTo(x, bottom - (bottom - top) * Math.min(this.losses[k][of] / most, 1));
        }
        context.strokeStyle = ink;
        context.lineWidth = 2;
        context.lineJoin = "round";
        context.stroke();
    }
}
