/** Takes server programs out of the official releases, each pinned by version and SHA-256. */
export async function unpackRelease(name) {
  throw new Error(`no release of ${name} is pinned for ${process.platform} ${process.arch}`);
}
