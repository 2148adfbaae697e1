// Who uses the console: a token, kept until the tab is closed and nowhere else, and the rights that the server says it has.

import { useEffect, useState } from "./html.js";
import { ROOT, send } from "./api.js";

// Another server below another path of the same origin is another one.
const NAME = `opendata-log token ${ROOT.pathname}`;
const stored = () => {
  try {
    return sessionStorage.getItem(NAME);
  } catch {
    return null;
  }
};

let state = { token: stored(), access: null, error: null };
const listeners = new Set();
let retry = null;

/** After so long it is asked again when the server could not be. */
const AGAIN_MS = 3_000;

function set(change) {
  state = { ...state, ...change };
  for (const listener of listeners) listener(state);
}

/** Asks what `token` may do. */
const ask = (token) => send("-/access", { token }).then((answer) => answer.json());

/** Asks the server who this is. */
export async function refresh() {
  const { token } = state;
  clearTimeout(retry);
  try {
    const access = await ask(token);
    if (token === state.token) set({ access, error: null });
  } catch (error) {
    if (token !== state.token) return;
    set({ error });
    retry = setTimeout(refresh, AGAIN_MS);
  }
}

/** Uses a token from now on, if the server knows it; answers whether it does. */
export async function signIn(token) {
  const access = await ask(token);
  if (access.known) {
    try {
      sessionStorage.setItem(NAME, token);
    } catch {
      // Then it is kept until the page is left.
    }
    set({ token, access, error: null });
  }
  return access.known;
}

export function signOut() {
  try {
    sessionStorage.removeItem(NAME);
  } catch {
    // It was not kept.
  }
  set({ token: null, access: null, error: null });
  return refresh();
}

export const token = () => state.token;
export const can = (right) => Boolean(state.access?.rights.includes(right));

/** Whether records can be appended and cursors moved: `access` allows it, and the server applies or forwards it. */
export const canChange = (access) => Boolean(access?.rights.includes("append")) && access.changes !== "refused";

export function useSession() {
  const [seen, setSeen] = useState(state);
  useEffect(() => {
    setSeen(state);
    listeners.add(setSeen);
    return () => listeners.delete(setSeen);
  }, []);
  return seen;
}
