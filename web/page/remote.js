// Calls to the worker.

const open = new Map();
let next = 0;
/** Error with which the worker did not start. */
let failed = null;
let worker = begun();

function begun() {
    const worker = new Worker(`worker.js${location.search}`, { type: "module" });
    worker.onmessage = ({ data: { id, value, error, fatal } }) => {
        const call = open.get(id);
        open.delete(id);
        if (error === undefined) call?.resolve(value);
        else call?.reject(new Error(error));
        if (fatal) restart(new Error(`${error} The models of this page are lost; begin anew.`));
    };
    worker.onerror = (event) => {
        failed = new Error(event.message ?? "The worker of this page did not start; it needs a browser with module workers.");
        rejectAll(failed);
    };
    return worker;
}

/** Begins with another worker, as the memory of this one is in an unknown state. */
function restart(error) {
    worker.terminate();
    worker = begun();
    rejectAll(error);
}

function rejectAll(error) {
    for (const { reject } of open.values()) reject(error);
    open.clear();
}

function post(on, method, args) {
    if (failed) return Promise.reject(failed);
    return new Promise((resolve, reject) => {
        open.set(next, { resolve, reject });
        worker.postMessage({ id: next++, on, method, args });
    });
}

/** Calls a function of the worker. */
export const call = (method, ...args) => post(null, method, args);

/** Calls a method of a model: `training` or `loaded`. */
export const ask = (on, method, ...args) => post(on, method, args);

/**
 * Wraps a call whose earlier results do not matter once there is a later one: while one is under way, only the last of
 * the further ones waits.
 */
export function latest(action) {
    let busy = false;
    let waiting = null;
    return async function run(...args) {
        if (busy) {
            waiting = args;
            return;
        }
        busy = true;
        try {
            await action(...args);
        } finally {
            busy = false;
            if (waiting) {
                const args = waiting;
                waiting = null;
                run(...args);
            }
        }
    };
}
