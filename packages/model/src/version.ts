/** Version of the protocol between all parts; client and cluster must agree on major and minor. */
export const version = '0.1.0';

/** True when two versions may talk: same major and minor number. */
export function versionsAgree(left: string, right: string): boolean {
  const [leftMajor, leftMinor] = left.split('.');
  const [rightMajor, rightMinor] = right.split('.');
  return leftMajor === rightMajor && leftMinor === rightMinor;
}
