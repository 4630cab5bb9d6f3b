/** What groups see of the cluster's topics; read live. */
export interface TopicsView {
  byName(name: string): { readonly topicId: string; readonly partitionCount: number } | undefined;
  byId(topicId: string): { readonly name: string; readonly partitionCount: number } | undefined;
  /** Another one whenever a topic came, went or grew. */
  readonly version: number;
}
