// Theme of the page: the system's, or the one that was chosen. It is set before the first paint, so this is no module.
(() => {
    const root = document.documentElement;
    const system = matchMedia("(prefers-color-scheme: dark)");
    let chosen = null;
    try {
        chosen = localStorage.getItem("theme");
    } catch {
        // Storage is shut; the system's theme stands.
    }
    const set = () => {
        const theme = chosen ?? (system.matches ? "dark" : "light");
        if (root.dataset.theme === theme) return;
        root.dataset.theme = theme;
        dispatchEvent(new Event("theme"));
    };
    system.addEventListener("change", set);
    addEventListener("DOMContentLoaded", () => {
        document.getElementById("theme").addEventListener("click", () => {
            chosen = root.dataset.theme === "dark" ? "light" : "dark";
            try {
                localStorage.setItem("theme", chosen);
            } catch {
                // It holds until the page is closed.
            }
            set();
        });
    });
    set();
})();
