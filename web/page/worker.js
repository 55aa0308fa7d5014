// Runs models in a thread of their own, so that the page stays alive. It answers calls: { id, on, method, args } gives
// { id, value } or { id, error }.

// A module whose only function returns a vector of SIMD128.
const VECTOR = new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 17, 11,
]);
const asked = new URLSearchParams(self.location.search).get("instructions");
const instructions = asked ?? (WebAssembly.validate(VECTOR) ? "simd128" : "scalar");

const ready = (async () => {
    const module = await import(`./${instructions === "scalar" ? "scalar" : "simd128"}/candlewick_web.js`);
    await module.default();
    return module;
})();

/** Share of the time that pictures may take, so that most of it goes into steps. */
const PICTURES = 0.3;

/** Model in training, and the model of a file. */
const models = { training: null, loaded: null };
/** Moment from which on the next picture may be computed. */
let pictureAt = 0;

/** Returns a model, or says that there is none. */
function modelOf(on) {
    if (!models[on]) throw new Error("There is no model yet.");
    return models[on];
}

function replace(on, model) {
    const before = models[on];
    models[on] = model;
    before?.free();
    pictureAt = 0;
}

const methods = {
    async engine() {
        await ready;
        return instructions;
    },

    async train(settings) {
        const { Training } = await ready;
        replace("training", new Training(JSON.stringify(settings)));
        const training = models.training;
        return { ...JSON.parse(training.about()), points: training.points() };
    },

    async load(bytes) {
        const { Loaded } = await ready;
        replace("loaded", new Loaded(bytes));
        return JSON.parse(models.loaded.about());
    },

    /** Takes steps for `budget` milliseconds, at least one, at most `most`. */
    frame(budget, most, side) {
        const training = modelOf("training");
        const losses = [];
        const end = performance.now() + budget;
        do {
            const [loss, accuracy] = training.steps(1);
            losses.push({ loss, accuracy });
        } while (losses.length < most && performance.now() < end);
        return { losses, picture: methods.picture("training", side, most === 1) };
    },

    /** Classes over the plane and Bloch vectors of the points; nothing if it is too early for the next picture. */
    picture(on, side, now) {
        const model = modelOf(on);
        const start = performance.now();
        if (!now && start < pictureAt) return null;
        const picture = { side, grid: model.grid(side), cloud: on === "training" ? model.bloch(model.places()) : null };
        const end = performance.now();
        pictureAt = end + (end - start) * (1 / PICTURES - 1);
        return picture;
    },

    /** Probabilities of the classes and Bloch vectors at a point. */
    probe(on, x, y) {
        const [model, at] = [modelOf(on), new Float64Array([x, y])];
        return { probabilities: model.predict(at), vectors: model.bloch(at) };
    },
};

self.onmessage = async ({ data: { id, on, method, args } }) => {
    try {
        const value = on ? modelOf(on)[method](...args) : await methods[method](...args);
        self.postMessage({ id, value });
    } catch (error) {
        // A trap leaves the memory of the module in an unknown state.
        const fatal = error instanceof WebAssembly.RuntimeError;
        self.postMessage({ id, error: fatal ? `The program stopped: ${error.message}` : error.message, fatal });
    }
};
