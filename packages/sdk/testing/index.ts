/** `@troupe/sdk/testing`: an entry of its own, so that no application carries a cluster with it. */
export * from '@troupe/testing';
