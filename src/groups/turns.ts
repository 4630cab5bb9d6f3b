/** Collects what one turn of a machine decides, and keeps it until the shard takes it. */
import { assert } from '../kernel/assert.ts';
import type { KafkaError } from '../protocol/errors.ts';
import type { GroupRecord } from '../protocol/group/group-record.ts';
import type { Call } from './call.ts';
import type { Answered, Transition } from './transition.ts';

interface OpenTransition {
  readonly records: GroupRecord[];
  readonly answers: Answered[];
  readonly isolated: boolean;
}

export class Turns {
  #open: OpenTransition | undefined;
  #done: Transition[] = [];
  /** Of turns that threw: nobody may hear what they would have said. */
  #broken: Answered[] = [];

  /** Runs `work` as one turn. What it throws is thrown on, and its transition is lost with the machine. */
  run(isolated: boolean, work: () => void): void {
    assert(this.#open === undefined, 'a turn began within another');
    const transition: OpenTransition = { records: [], answers: [], isolated };
    this.#open = transition;
    try {
      work();
    } catch (error) {
      this.#broken = [...this.#broken, ...transition.answers];
      throw error;
    } finally {
      this.#open = undefined;
    }
    if (transition.records.length > 0 || transition.answers.length > 0) this.#done.push(transition);
  }

  push(records: readonly GroupRecord[]): void {
    const transition = this.#running();
    for (const record of records) transition.records.push(record);
  }

  answer<R>(call: Call<R>, value: R): void {
    this.#running().answers.push({ give: () => call.answer(value), refuse: (error) => call.fail(error) });
  }

  fail<R>(call: Call<R>, error: KafkaError): void {
    this.#running().answers.push({ give: () => call.fail(error), refuse: (other) => call.fail(other) });
  }

  /** Whether the running turn has decided to write something. */
  get hasPushed(): boolean {
    return this.#running().records.length > 0;
  }

  take(): readonly Transition[] {
    const taken = this.#done;
    this.#done = [];
    return taken;
  }

  /** Everything that nobody took. */
  abandon(): readonly Answered[] {
    const left = [...this.#broken, ...this.#done.flatMap(({ answers }) => answers)];
    this.#broken = [];
    this.#done = [];
    return left;
  }

  #running(): OpenTransition {
    assert(this.#open !== undefined, 'a decision outside of any turn');
    return this.#open;
  }
}
