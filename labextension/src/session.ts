/**
 * The life of the panel's own kernel: a quiet session with a fixed path, in which nobody runs cells.  Whatever dies,
 * page, kernel or server, it is found again or started anew; what was to be seen is in Neronet's store.
 */
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import {
  ServerConnection,
  SessionAPI,
  type Kernel,
  type KernelMessage,
  type KernelSpec,
  type ServiceManager,
  type Session
} from '@jupyterlab/services';
import { PromiseDelegate } from '@lumino/coreutils';
import { Signal } from '@lumino/signaling';
import { KernelProblem, Link } from './link';
import { PATH } from './shell';
import { arrived, type StationModel } from './station';

const PROBE = 250; // milliseconds between two looks whether the server answers again

/**
 * idle: nobody asked for it yet; starting: it is on its way; live; away: it will come back by itself; stopped: the
 * user decides.
 */
export type Phase = 'idle' | 'starting' | 'live' | 'away' | 'stopped';

export interface Condition {
  phase: Phase;
  /** A sentence: what is so and why. */
  text: string;
  /** What the user can run in a terminal to mend it. */
  command?: string;
  /** Whether another kernel may help. */
  choose?: boolean;
  /** Somebody shut it down: who shows the panel anew wants it again. */
  shut?: boolean;
}

/** What the button says that starts it again: `stopped` by a problem, or by somebody. */
export interface Choice {
  name: string;
  label: string;
}

/** The kernel to start: the wanted one, else the default one, if Python runs in it; null: there is none. */
export function chooseKernel(specs: KernelSpec.ISpecModels | null, wanted: string): string | null {
  const all = specs?.kernelspecs ?? {};
  const fits = (name: string): boolean => all[name]?.language?.toLowerCase() === 'python';
  const first = [wanted, specs?.default ?? '', 'python3'].find(fits);
  return first ?? Object.keys(all).find(fits) ?? null;
}

/** The Python kernels that there are. */
export function choices(specs: KernelSpec.ISpecModels | null): Choice[] {
  return Object.values(specs?.kernelspecs ?? {})
    .filter(spec => spec?.language?.toLowerCase() === 'python')
    .map(spec => ({ name: spec!.name, label: spec!.display_name }));
}

export class PanelSession {
  readonly changed = new Signal<this, void>(this);
  /** Emitted with what the page knows of the runs, whenever a kernel made it anew. */
  readonly stationed = new Signal<this, StationModel>(this);
  condition: Condition = { phase: 'idle', text: '' };
  /** Milliseconds since 1970 when it was live last; 0: never in this page. */
  liveUntil = 0;
  /** Grows whenever the kernel's widgets are to be asked for anew. */
  generation = 0;
  link: Link | null = null;
  station: StationModel | null = null;
  private begun = false;
  private epitaph = '';
  private turn = 0;
  private again: PromiseDelegate<void> | null = null;

  constructor(
    private readonly services: ServiceManager.IManager,
    private readonly rendermime: IRenderMimeRegistry,
    private kernelName: () => string
  ) {
    arrived.connect((_, station) => void this.meet(station));
    services.sessions.runningChanged.connect((_, running) => {
      if (running.some(model => model.path === PATH)) {
        this.again?.resolve(); // another page has started it
      }
    });
  }

  /** Somebody wants to see it: starts or finds the kernel, if that is not done yet. */
  start(): void {
    if (!this.begun) {
      this.begun = true;
      void this.live();
    } else if (this.condition.shut) {
      this.retry();
    }
  }

  /** Whether a kernel of the panel runs already, for this page or another one. */
  async runs(): Promise<boolean> {
    await this.services.sessions.ready;
    return Array.from(this.services.sessions.running()).some(model => model.path === PATH);
  }

  /** What can be asked for by commands; settles when the kernel is live. */
  async act(name: string, args: Parameters<StationModel['act']>[1]): Promise<void> {
    this.start();
    return (await this.answering()).act(name, args);
  }

  private answering(): Promise<StationModel> {
    return new Promise(resolve => {
      const look = (): void => {
        if (this.condition.phase === 'live' && this.station?.comm_live) {
          this.changed.disconnect(look);
          this.stationed.disconnect(look);
          resolve(this.station);
        }
      };
      this.changed.connect(look);
      this.stationed.connect(look);
      look();
    });
  }

  /** The user wants it to be tried again. */
  retry(): void {
    if (this.again) {
      this.again.resolve();
    } else if (this.link) {
      void this.prepare(this.link);
    }
  }

  /** Another kernel takes its place. */
  async use(name: string): Promise<void> {
    this.kernelName = () => name;
    if (this.link) {
      this.again = new PromiseDelegate<void>();
      this.again.resolve();
      await this.services.sessions.shutdown(this.link.connection.id);
    } else {
      this.retry();
    }
  }

  private async live(): Promise<void> {
    for (;;) {
      const connection = await this.attach();
      const link = new Link(connection, this.rendermime);
      this.epitaph = 'The kernel of the panel was shut down.';
      this.link = link;
      this.follow(link);
      const server = this.serverStarted();
      await link.gone;
      this.turn++;
      this.link = null;
      void link.dispose();
      if ((await this.serverStarted()) === (await server) && !(await this.isRunning())) {
        await this.ask({ phase: 'stopped', text: this.epitaph, shut: true });
      }
    }
  }

  /** Finds the session or starts it, however long the server is away. */
  private async attach(): Promise<Session.ISessionConnection> {
    for (let failures = 0; ; ) {
      if (this.condition.phase !== 'away') {
        this.away('The kernel of the panel starts.');
      }
      try {
        await this.services.kernelspecs.ready;
        return await alone(() => this.findOrStart());
      } catch (error) {
        if (isUnreachable(error)) {
          this.say({ phase: 'away', text: 'The Jupyter server does not answer.' });
          await sleep(PROBE);
        } else if (error instanceof KernelProblem) {
          await this.ask({ phase: 'stopped', text: error.message, command: 'python -m pip install ipykernel' });
          await this.services.kernelspecs.refreshSpecs();
        } else if (!failures++) {
          await sleep(PROBE); // two that start it at once may get in each other's way
        } else {
          failures = 0;
          const reason = error instanceof Error ? error.message : String(error);
          const text = `The kernel of the panel could not be started: ${reason}.`;
          await this.ask({ phase: 'stopped', text, choose: true });
        }
      }
    }
  }

  private async findOrStart(): Promise<Session.ISessionConnection> {
    const sessions = this.services.sessions;
    const model = await this.running();
    if (model) {
      return sessions.connectTo({ model });
    }
    const name = chooseKernel(this.services.kernelspecs.specs, this.kernelName());
    if (!name) {
      throw new KernelProblem('NoKernel', 'The environment of the Jupyter server has no Python kernel.');
    }
    const mine = await sessions.startNew({ path: PATH, name: 'Neronet', type: 'console', kernel: { name } });
    // Another browser may have started one at the same moment.
    const kept = await this.running();
    if (kept && kept.id !== mine.id) {
      mine.dispose();
      return sessions.connectTo({ model: kept });
    }
    return mine;
  }

  /**
   * The session of the panel.  Of several the first is kept: the server lists them as they came to be, and a page asks
   * when its own is there, so nobody is connected to one that another page then ends.
   */
  private async running(): Promise<Session.IModel | undefined> {
    const settings = this.services.serverSettings;
    const models = (await SessionAPI.listRunning(settings)).filter(model => model.path === PATH && model.kernel);
    const [kept, ...others] = models;
    for (const other of others) {
      await SessionAPI.shutdownSession(other.id, settings).catch(() => undefined);
    }
    return kept;
  }

  private async isRunning(): Promise<boolean> {
    return Boolean(await this.running().catch(() => undefined));
  }

  /** Hears what happens to the kernel; a restart by another page is told only by the new process itself. */
  private follow(link: Link): void {
    const { connection } = link;
    // anyMessage tells of a message before anything is made of it.
    connection.anyMessage.connect((_, { msg, direction }) => {
      if (direction === 'recv' && msg.channel === 'iopub' && link.isNewProcess(msg as KernelMessage.IIOPubMessage)) {
        this.away('The kernel of the panel starts again.');
        void link.silence().then(() => this.prepare(link));
      }
    });
    connection.statusChanged.connect((_, status: Kernel.Status) => {
      if (status === 'restarting' || status === 'autorestarting') {
        this.away('The kernel of the panel starts again.');
      } else if (status === 'dead') {
        void this.bury(link);
      }
    });
    connection.connectionStatusChanged.connect((_, status: Kernel.ConnectionStatus) => {
      if (status === 'connected') {
        void this.prepare(link);
      } else if (this.link === link) {
        link.deafen();
        this.away(this.condition.phase === 'away' ? this.condition.text : 'The connection to its kernel is lost.');
        void this.probe(link, true);
      }
    });
    if (connection.kernel?.connectionStatus === 'connected') {
      void this.prepare(link);
    } else {
      void this.probe(link, false);
    }
  }

  /** The kernel ended: somebody shut it down, with its session, or it died too often to be started again. */
  private async bury(link: Link): Promise<void> {
    void link.silence();
    const settings = this.services.serverSettings;
    const models = await SessionAPI.listRunning(settings).catch(() => []);
    if (models.some(model => model.id === link.connection.id)) {
      this.epitaph = 'The kernel of the panel died, and did not start again.';
      await SessionAPI.shutdownSession(link.connection.id, settings).catch(() => undefined);
    }
    await link.dispose();
  }

  /** Asks the kernel for its widgets; the latest call wins. */
  private async prepare(link: Link): Promise<void> {
    const turn = ++this.turn;
    try {
      await link.call('model_id()');
      if (turn === this.turn) {
        link.listen();
        this.generation++;
        this.say({ phase: 'live', text: '' });
      }
    } catch (error) {
      if (turn !== this.turn || this.link !== link || !(error instanceof KernelProblem)) {
        return; // it was cut off; what did that makes us ask again
      }
      if (error.lacks) {
        const name = link.connection.kernel?.name ?? '';
        const label = this.services.kernelspecs.specs?.kernelspecs[name]?.display_name ?? name;
        const python = await link.python().catch(() => 'python');
        const text = `The kernel ${label} (${python}) has no Neronet: ${error.message}.`;
        this.say({ phase: 'stopped', text, command: `${python} -m pip install neronet`, choose: true });
      } else {
        this.say({ phase: 'stopped', text: `Neronet does not start in its kernel: ${error.message}.`, choose: true });
      }
    }
  }

  /**
   * JupyterLab looks for a server that it `lost` ever more seldom, as it does for a kernel that another browser ended
   * before this page was connected to it; a panel should be back at once.
   */
  private async probe(link: Link, lost: boolean): Promise<void> {
    while (this.link === link && link.connection.kernel?.connectionStatus !== 'connected') {
      await sleep(PROBE);
      const models = await SessionAPI.listRunning(this.services.serverSettings).catch(() => null);
      const kernel = link.connection.kernel;
      if (!models && this.link === link) {
        lost = true;
        this.away('The Jupyter server does not answer.');
      }
      if (!models || this.link !== link || kernel?.connectionStatus === 'connected') {
        continue;
      }
      const mine = models.find(model => model.id === link.connection.id);
      if (mine && kernel && mine.kernel?.id === kernel.id) {
        if (lost) {
          await Promise.race([kernel.reconnect().catch(() => undefined), sleep(5000)]);
        }
      } else {
        await link.dispose();
      }
    }
  }

  private async meet(station: StationModel): Promise<void> {
    const link = this.link;
    if (link && (await link.owns(station))) {
      this.station = station;
      this.stationed.emit(station);
    }
  }

  private async serverStarted(): Promise<string> {
    const settings = this.services.serverSettings;
    for (;;) {
      try {
        const answer = await ServerConnection.makeRequest(`${settings.baseUrl}api/status`, {}, settings);
        return answer.ok ? ((await answer.json()) as { started: string }).started : '';
      } catch (error) {
        this.away('The Jupyter server does not answer.');
        await sleep(PROBE);
      }
    }
  }

  private away(text: string): void {
    this.turn++;
    this.say({ phase: this.wasLive ? 'away' : 'starting', text });
  }

  private get wasLive(): boolean {
    return this.liveUntil > 0 || this.condition.phase === 'live';
  }

  private async ask(condition: Condition): Promise<void> {
    this.again ??= new PromiseDelegate<void>();
    this.say(condition);
    await this.again.promise;
    this.again = null;
  }

  private say(condition: Condition): void {
    if (this.condition.phase === 'live') {
      this.liveUntil = Date.now();
    }
    this.condition = condition;
    this.changed.emit();
  }
}

function isUnreachable(error: unknown): boolean {
  return (
    error instanceof ServerConnection.NetworkError ||
    (error instanceof ServerConnection.ResponseError && [424, 502, 503, 504].includes(error.response.status))
  );
}

/** One page of this browser at a time, so that two do not start two kernels; not where the browser cannot tell. */
function alone<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks ? navigator.locks.request(PATH, work) : work();
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise(resolve => window.setTimeout(resolve, milliseconds));
}
