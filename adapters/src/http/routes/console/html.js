// The libraries, under the names that the views use. Templates make text nodes and attributes of values, never markup.

import { Fragment, h, render } from "./libraries/preact.mjs";
import htm from "./libraries/htm.mjs";

export { Fragment, render };
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from "./libraries/hooks.mjs";

export const html = htm.bind(h);
