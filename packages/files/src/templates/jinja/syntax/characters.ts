/** What Python's `str` calls white, as the inside of a character class. JavaScript's \s has U+FEFF more, these less. */
export const whiteSpace =
  "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
