/** A bundle that does not load. */
export const never = (() => {
  throw new Error('the licence file is missing');
})();
