// Where the console is: in the fragment of the URL, so that it works below every path, and back and forward do what they should.

import { useEffect, useState } from "./html.js";

/** The view and its parameters: `#/keys?prefix=a` is `{ path: "keys", params: { prefix: "a" } }`. */
export function current() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  return { path: path || "overview", params: Object.fromEntries(new URLSearchParams(query)) };
}

/** The link to a view. Parameters that are null, undefined or empty are left out, except those of the empty key or prefix. */
export function href(path, params = {}) {
  const given = Object.entries(params).filter(([, value]) => value !== undefined && value !== null);
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return `#/${path}${query && `?${query}`}`;
}

export function go(path, params) {
  location.hash = href(path, params);
}

export function useRoute() {
  const [route, setRoute] = useState(current);
  useEffect(() => {
    const changed = () => setRoute(current());
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);
  return route;
}
