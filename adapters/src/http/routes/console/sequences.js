// Sequences as people enter them.

/** What a field for a sequence takes: digits, also in groups as they are shown elsewhere, with commas or spaces between. */
export const SEQUENCE = "\\s*[0-9]+(?:[,\\s]\\s*[0-9]+)*\\s*";
const WHOLE = new RegExp(`^${SEQUENCE}$`);

/** The digits of a sequence that was entered, or null if it is none. */
export const sequenceIn = (text) => (WHOLE.test(text) ? text.replace(/[,\s]/g, "") : null);
