/** One connection to the kernel of the panel, with the manager that makes its widgets in this page. */
import type { DOMWidgetModel } from '@jupyter-widgets/base';
import {
  registerWidgetManager,
  type WidgetManager,
  type WidgetRenderer
} from '@jupyter-widgets/jupyterlab-manager';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { Kernel, KernelMessage, Session } from '@jupyterlab/services';
import { PromiseDelegate } from '@lumino/coreutils';
import { Signal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';

const MODULE = 'neronet_jupyter.panel';
const WIDGETS = 'jupyter.widget'; // the name of the comms by which a kernel makes widgets
const BY_THE_SERVER = ['restarting', 'autorestarting', 'dead']; // what the server says in the kernel's place
const PATIENCE = 5000; // milliseconds that a widget's message may come after the answer that names it

/** What Python says when an expression fails. */
export class KernelProblem extends Error {
  constructor(
    readonly kind: string,
    text: string
  ) {
    super(text);
  }

  /** The kernel has no Neronet, or not all that Neronet needs. */
  get lacks(): boolean {
    return this.kind === 'ModuleNotFoundError';
  }
}

export class Link {
  /** Settles when the session is no more: shut down by somebody, or the server began anew. */
  readonly gone: Promise<void>;
  private readonly ended = new PromiseDelegate<void>();
  private readonly found = new PromiseDelegate<WidgetManager>();
  private registered: { dispose(): void } | null = null;
  private heard: Kernel.IKernelConnection | null = null; // whose widgets the manager makes
  private readonly turned = new Signal<this, { oldValue: Link['heard']; newValue: Link['heard'] }>(this);
  private readonly inStep = new Signal<this, Kernel.ConnectionStatus>(this);
  private process = ''; // the kernel's own name for the process that answered last

  constructor(
    readonly connection: Session.ISessionConnection,
    private readonly rendermime: IRenderMimeRegistry
  ) {
    this.gone = this.ended.promise;
    connection.disposed.connect(() => this.ended.resolve());
    // Nobody runs cells in this kernel, so its main shell hears pages at once.  Through subshells, which JupyterLab
    // would use, a page is no longer heard once another page has restarted the kernel: it keeps the old one's number.
    (connection.kernel as { commsOverSubshells?: string } | null)!.commsOverSubshells = 'disabled';
    this.deafen();
  }

  /**
   * From now on the page has the kernel's widgets, those that there are and those to come.  To be called when the
   * kernel has answered, for only then all that it says is known to reach this page: what it says while a connection
   * or its process begins may be lost in part, and a widget whose parts were lost would stay broken.
   */
  listen(): void {
    const kernel = this.connection.kernel;
    if (!this.registered) {
      this.registered = this.register();
    } else {
      if (this.heard !== kernel) {
        this.turned.emit({ oldValue: this.heard, newValue: kernel });
      }
      this.inStep.emit('connected');
    }
    this.heard = kernel;
  }

  /** Until `listen` is called nothing is made of what the kernel says of new widgets. */
  deafen(): void {
    if (this.heard) {
      this.turned.emit({ oldValue: this.heard, newValue: null });
      this.heard = null;
    }
    this.connection.kernel?.registerCommTarget(WIDGETS, comm => comm.dispose());
  }

  /** The value of a call of neronet_jupyter.panel, as Python prints it. Rejects with a KernelProblem. */
  async call(expression: string): Promise<string> {
    return unquoted(await this.execute(`import ${MODULE}`, `${MODULE}.${expression}`));
  }

  /** The Python program of this kernel. */
  async python(): Promise<string> {
    return unquoted(await this.execute('import sys', 'sys.executable'));
  }

  /**
   * Whether this message is the first from another process than the one that answered last: the kernel began anew.
   * Mostly the message that says that it starts; the server may not listen to the new process yet when that is said.
   */
  isNewProcess(message: KernelMessage.IIOPubMessage): boolean {
    const { msg_type: type, session } = message.header;
    const state = type === 'status' ? (message.content as { execution_state: string }).execution_state : '';
    if (session === this.process || BY_THE_SERVER.includes(state) || (!this.process && state !== 'starting')) {
      return false;
    }
    this.process = session;
    return true;
  }

  /** The model of a widget of the kernel. */
  async model(id: string): Promise<DOMWidgetModel> {
    const manager = await this.found.promise;
    const began = Date.now();
    while (!manager.has_model(id) && Date.now() - began < PATIENCE) {
      await new Promise(resolve => window.setTimeout(resolve, 20));
    }
    return (await manager.get_model(id)) as DOMWidgetModel;
  }

  /** A view of a widget of the kernel, for this page. */
  async view(id: string): Promise<Widget> {
    const model = await this.model(id);
    const view = await (await this.found.promise).create_view(model);
    return view.luminoWidget;
  }

  /** Whether a widget belongs to this kernel. */
  async owns(model: DOMWidgetModel): Promise<boolean> {
    return model.widget_manager === (await this.found.promise);
  }

  /** Its widgets neither hear the kernel nor say anything to it any more; what they show stays. */
  async silence(): Promise<void> {
    this.deafen();
    if (this.registered) {
      (await this.found.promise).disconnect();
    }
  }

  /** Ends this page's part of it; the kernel goes on. */
  async dispose(): Promise<void> {
    await this.silence();
    this.registered?.dispose();
    this.connection.dispose();
    this.ended.resolve();
  }

  /**
   * registerWidgetManager is what ipywidgets exports to make a manager that knows every registered widget.  It returns
   * before that is there, and gives it to the renderers that it is told of: so this stands in for one.  Of the context
   * of a notebook, which it wants, this is what it looks at; when it takes and loads widgets is for `listen` to say.
   */
  private register(): { dispose(): void } {
    const { connection, found } = this;
    const renderer = {
      set manager(value: WidgetManager) {
        found.resolve(value);
      }
    };
    const context = {
      path: connection.path,
      sessionContext: {
        ready: Promise.resolve(),
        session: connection,
        kernelChanged: this.turned,
        statusChanged: connection.statusChanged,
        connectionStatusChanged: this.inStep
      },
      model: { getMetadata: () => undefined, setMetadata: () => undefined, dirty: false },
      saveState: new Signal<object, string>({}),
      urlResolver: { resolveUrl: async (url: string) => url, getDownloadUrl: async (url: string) => url }
    };
    return registerWidgetManager(
      context as unknown as Parameters<typeof registerWidgetManager>[0],
      this.rendermime.clone(),
      [renderer as unknown as WidgetRenderer].values()
    );
  }

  private async execute(code: string, expression: string): Promise<string> {
    const kernel = this.connection.kernel;
    if (!kernel) {
      throw new KernelProblem('Gone', 'the kernel is gone');
    }
    const reply = await kernel.requestExecute({
      code,
      silent: true,
      store_history: false,
      allow_stdin: false,
      user_expressions: { it: expression }
    }).done;
    this.process = reply.header.session;
    const content = reply.content;
    if (content.status !== 'ok') {
      throw content.status === 'error'
        ? new KernelProblem(content.ename, content.evalue)
        : new KernelProblem('Aborted', 'the kernel was interrupted');
    }
    const value = content.user_expressions.it as unknown as
      | { status: 'ok'; data: { 'text/plain': string } }
      | { status: 'error'; ename: string; evalue: string };
    if (value.status === 'error') {
      throw new KernelProblem(value.ename, value.evalue);
    }
    return value.data['text/plain'];
  }
}

function unquoted(text: string): string {
  return text.replace(/^(['"])(.*)\1$/s, '$2');
}
