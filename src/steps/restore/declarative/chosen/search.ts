import { isSelectable } from '../../../../runbooks/selection.ts';
import type { Selected } from '../../../../runbooks/selection.ts';
import { nearest } from '../../../../runs/words/nearest.ts';
import type { Document } from '../document.ts';
import { entitiesOf, nameOf } from '../document.ts';
import { placesOf } from '../selection.ts';

/** One that was chosen and is nowhere; `meant`: what the set has and somebody probably meant. */
export interface Absent {
  readonly chosen: Selected;
  readonly meant: Selected | null;
}

/** Looks for chosen entities piece by piece, so that a big file never stands in memory, and ends at the last one. */
export class ChosenSearch {
  #left: readonly Selected[];
  readonly #names = new Map<string, Set<string>>();

  constructor(only: readonly Selected[]) {
    this.#left = only;
  }

  take(document: Document): void {
    this.#left = this.#left.filter((selected) => placesOf(document, selected).length === 0);
    if (this.isDone()) return;
    for (const { list, body } of entitiesOf(document)) {
      const name = nameOf(list, body);
      if (name === null || !isSelectable(list)) continue;
      const known = this.#names.get(list) ?? new Set();
      this.#names.set(list, known.add(name));
    }
  }

  isDone(): boolean {
    return this.#left.length === 0;
  }

  /** In the order in which they were chosen. */
  absent(): readonly Absent[] {
    return this.#left.map((chosen) => ({ chosen, meant: this.#meant(chosen) }));
  }

  /** One of another kind that has exactly this name, else the nearest of its kind. */
  #meant({ list, name }: Selected): Selected | null {
    const other = [...this.#names].find(([, names]) => names.has(name));
    if (other !== undefined) return { list: other[0], name };
    const near = nearest(name, [...(this.#names.get(list) ?? [])]);
    return near === null ? null : { list, name: near };
  }
}
