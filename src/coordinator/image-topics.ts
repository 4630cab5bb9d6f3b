/** The cluster's topics as groups see them. */
import { type ClusterImage, type TopicImage, topicById } from '../cluster/cluster-image.ts';
import type { TopicsView } from '../groups/topics-view.ts';

export class ImageTopics implements TopicsView {
  readonly #image: () => ClusterImage;
  #topics: ClusterImage['topics'];
  #version = 0;

  constructor(image: () => ClusterImage) {
    this.#image = image;
    this.#topics = image().topics;
  }

  byName(name: string): { readonly topicId: string; readonly partitionCount: number } | undefined {
    const topic = this.#image().topics.get(name);
    return topic && { topicId: topic.topicId, partitionCount: topic.partitions.length };
  }

  byId(topicId: string): { readonly name: string; readonly partitionCount: number } | undefined {
    const topic = topicById(this.#image(), topicId);
    return topic && { name: topic.name, partitionCount: topic.partitions.length };
  }

  get version(): number {
    const { topics } = this.#image();
    if (topics !== this.#topics) {
      this.#topics = topics;
      this.#version += 1;
    }
    return this.#version;
  }
}

/** The topics of `before` that are no more in `after`, one made again with the same name among them. */
export function deletedTopics(
  before: ClusterImage['topics'],
  after: ClusterImage,
): readonly Pick<TopicImage, 'name' | 'topicId'>[] {
  return [...before.values()].filter(({ topicId }) => !after.topicNameById.has(topicId));
}
