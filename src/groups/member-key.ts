/** One text for a member of a group, to key maps and deadlines with. Both ids are any text, so the length keeps them apart. */
export function memberKey(groupId: string, memberId: string): string {
  return `${groupId.length}:${groupId}${memberId}`;
}
