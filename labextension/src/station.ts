/**
 * What a page knows of the runs without showing them: counts for the status bar, news for notifications.  The
 * panel's kernel makes one; it also does what commands of JupyterLab ask for.
 */
import { DOMWidgetModel } from '@jupyter-widgets/base';
import { UUID, type JSONObject, type JSONValue } from '@lumino/coreutils';
import { Signal } from '@lumino/signaling';
import { ActError } from './base';

const HEARTBEAT = 5000; // milliseconds; the kernel forgets a page that is silent for three of them

/** Runs that are not at their end, and those that failed and were not looked at. */
export interface Counts {
  running: number;
  waiting: number;
  failed: number;
}

export const KINDS = ['failed', 'terminated', 'ended'] as const;
export type Kind = (typeof KINDS)[number];

/** Something that the user may want to know at once; `run`: its number, if it is about one. */
export interface News {
  kind: Kind;
  text: string;
  run: number | null;
}

/** Emitted for each one that a kernel of this page makes. */
export const arrived = new Signal<object, StationModel>({});

interface Waiting {
  resolve: (value: never) => void;
  reject: (reason: ActError) => void;
}

export class StationModel extends DOMWidgetModel {
  /** Emitted when something is to be told to the user. */
  readonly told = new Signal<this, News>(this);
  private page = UUID.uuid4();
  private waiting = new Map<number, Waiting>();
  private asked = 0;

  defaults(): ReturnType<DOMWidgetModel['defaults']> {
    return { ...super.defaults(), _model_name: 'StationModel', state: {} };
  }

  initialize(attributes: JSONObject, options: Parameters<DOMWidgetModel['initialize']>[1]): void {
    super.initialize(attributes, options);
    this.on('msg:custom', (content: JSONObject) => this.hear(content));
    const seen = (): void => this.say({ do: 'seen' });
    seen();
    const heart = window.setInterval(seen, HEARTBEAT);
    this.once('destroy', () => window.clearInterval(heart));
    arrived.emit(this);
  }

  get counts(): Counts {
    return { running: 0, waiting: 0, failed: 0, ...(this.get('state') as Partial<Counts>) };
  }

  /** Asks the kernel; rejects with an ActError. */
  act<T extends JSONValue | void = void>(name: string, args: JSONObject = {}): Promise<T> {
    if (!this.comm_live) {
      return Promise.reject(new ActError('The kernel of the panel does not answer.', 'It is started again.'));
    }
    const id = ++this.asked;
    const answer = new Promise<T>((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    this.say({ do: name, args, id });
    return answer;
  }

  private say(content: JSONObject): void {
    if (this.comm_live) {
      this.send({ ...content, page: this.page });
    }
  }

  private hear(content: JSONObject): void {
    if (content.news) {
      this.told.emit(content.news as unknown as News);
    } else if (content.page === this.page && typeof content.answer === 'number') {
      const waiting = this.waiting.get(content.answer);
      this.waiting.delete(content.answer);
      const error = content.error as { text: string; hint: string } | undefined;
      if (error) {
        waiting?.reject(new ActError(error.text, error.hint));
      } else {
        waiting?.resolve((content.ok ?? undefined) as never);
      }
    }
  }
}
