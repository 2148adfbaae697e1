// Which partitions the log has, and which nodes serve them.

import { call } from "./api.js";
import { looseText } from "./bytes.js";
import { useAnswer } from "./parts.js";
import { token } from "./session.js";

/** How many partitions there are, which never changes, once the server has told it. */
let known = null;

/** The partitions, in order, and the nodes. A log that is not clustered has one partition, and no nodes. */
export async function cluster(signal) {
  const { partitions = [], nodes = [] } = await call("api/v1/cluster", { token: token(), signal });
  known = Math.max(1, partitions.length);
  return { partitions, nodes };
}

/** How many partitions there are: `[partitions, error, again]`, with null until it is known. */
export function usePartitions() {
  const [{ answer, error }, again] = useAnswer(async (signal) => {
    if (known === null) await cluster(signal);
    return known;
  }, []);
  return [answer ?? known, error, again];
}

/** Whether all keys with a prefix are in one partition: what is between its first `{` and the next `}` is the same for all of them. */
export const hasTag = (prefix) => /^[^{]*\{[^}]+\}/.test(looseText(prefix));
