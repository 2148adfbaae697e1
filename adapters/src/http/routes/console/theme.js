// Light or dark: as the system has it, or as chosen for this session.

import { useEffect, useState } from "./html.js";

const NAME = "opendata-log theme";
const THEMES = ["system", "light", "dark"];

function stored() {
  try {
    const theme = sessionStorage.getItem(NAME);
    return THEMES.includes(theme) ? theme : "system";
  } catch {
    return "system";
  }
}

function use(theme) {
  document.documentElement.dataset.theme = theme;
}

use(stored());

/** The chosen theme, and what chooses another one. */
export function useTheme() {
  const [theme, setTheme] = useState(stored);
  const choose = (chosen) => {
    try {
      sessionStorage.setItem(NAME, chosen);
    } catch {
      // Then it holds until the page is left.
    }
    use(chosen);
    setTheme(chosen);
    window.dispatchEvent(new Event("themechange"));
  };
  return [theme, choose, THEMES];
}

/** A number that changes when colours do, for what is drawn and not styled. */
export function useColours() {
  const [version, setVersion] = useState(0);
  useEffect(() => {
    const changed = () => setVersion((before) => before + 1);
    const system = matchMedia("(prefers-color-scheme: dark)");
    window.addEventListener("themechange", changed);
    system.addEventListener("change", changed);
    return () => {
      window.removeEventListener("themechange", changed);
      system.removeEventListener("change", changed);
    };
  }, []);
  return version;
}

/** The colour that a custom property stands for now. */
export function colour(name, within) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  within.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
