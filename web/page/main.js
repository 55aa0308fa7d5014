// The page: its two views, and files that are dropped.

import { call } from "./remote.js";
import { element, problem } from "./stage.js";
import * as train from "./train.js";
import * as predict from "./predict.js";

const views = ["train", "predict"];

function show(view) {
    for (const name of views) {
        const chosen = name === view;
        element(name).hidden = !chosen;
        const tab = element(`tab-${name}`);
        tab.setAttribute("aria-selected", String(chosen));
        tab.tabIndex = chosen ? 0 : -1;
    }
    problem(null);
    if (view !== "train") train.pause();
}

const shown = () => views.find((view) => !element(view).hidden);

for (const view of views) {
    const tab = element(`tab-${view}`);
    tab.addEventListener("click", () => show(view));
    tab.addEventListener("keydown", ({ key }) => {
        if (key !== "ArrowLeft" && key !== "ArrowRight") return;
        const other = views.find((name) => name !== view);
        show(other);
        element(`tab-${other}`).focus();
    });
}
document.querySelector(".brand").addEventListener("click", (event) => {
    event.preventDefault();
    show("train");
});
addEventListener("visibilitychange", () => document.hidden && train.pause());

/** Takes a dropped file: a model goes to its view, a table to the view that is shown. */
async function take(file) {
    if (file.name.endsWith(".safetensors")) {
        show("predict");
        await predict.takeModel(file.name, new Uint8Array(await file.arrayBuffer()));
    } else if (/\.(csv|tsv|txt)$/i.test(file.name)) {
        const text = await file.text();
        if (shown() === "train") train.takeTable(text);
        else predict.takeRows(text);
    } else {
        problem(new Error(`${file.name} is no model (.safetensors) and no table (.csv, .tsv, .txt).`));
    }
}

addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("over");
});
addEventListener("dragleave", (event) => event.relatedTarget ?? document.body.classList.remove("over"));
addEventListener("drop", async (event) => {
    event.preventDefault();
    document.body.classList.remove("over");
    try {
        for (const file of event.dataTransfer.files) await take(file);
    } catch (error) {
        problem(error);
    }
});

train.start();
predict.start();
call("engine").then((name) => (element("engine").textContent = `WebAssembly, ${name === "scalar" ? "scalar" : "SIMD128"}`), problem);
