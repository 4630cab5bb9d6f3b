/**
 * A module that is loaded when it is first needed. Every later need gets the same promise: no second walk through the
 * loader, and no wait on the real event loop for code that runs on a simulated one.
 */
export function loadOnce<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () => {
    loaded ??= load();
    return loaded;
  };
}
