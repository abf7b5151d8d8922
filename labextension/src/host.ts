/**
 * What the plugins share: the settings, the panel's kernel and the places that show its widgets.  What draws is
 * loaded when it is first shown, so that opening JupyterLab does not wait for it.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { Token } from '@lumino/coreutils';
import type { Message } from '@lumino/messaging';
import { Panel } from '@lumino/widgets';
import type { PanelSession } from './session';

export const PANEL = '@neronet/labextension:panel';

export interface Settings {
  kernel: string;
  updatesPerSecond: number;
  notifyFailed: boolean;
  notifyTerminated: boolean;
  notifyEnded: boolean;
}

const DEFAULTS: Settings = {
  kernel: '',
  updatesPerSecond: 5,
  notifyFailed: true,
  notifyTerminated: true,
  notifyEnded: true
};

export const INeronet = new Token<Host>('@neronet/labextension:INeronet', 'The panel of Neronet and its kernel.');

export class Host {
  settings = DEFAULTS;
  private made: Promise<PanelSession> | null = null;
  private loaded: Promise<void>;

  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly rendermime: IRenderMimeRegistry,
    registry: ISettingRegistry | null
  ) {
    this.loaded = this.load(registry);
  }

  /** The session of the panel's kernel, which is not started by this. */
  session(): Promise<PanelSession> {
    this.made ??= this.make();
    return this.made;
  }

  /** Shows what `call` of neronet_jupyter.panel names, once it is visible. */
  place(call: string): Panel {
    return new Place(this, call);
  }

  /** For `place`. */
  async fill(place: Panel, call: string): Promise<void> {
    const [session, { Mount }, { choices }] = await Promise.all([
      this.session(),
      import('./mount'),
      import('./session')
    ]);
    if (!place.isDisposed) {
      place.addWidget(new Mount(session, call, () => choices(this.app.serviceManager.kernelspecs.specs)));
    }
  }

  private async make(): Promise<PanelSession> {
    const [{ PanelSession }] = await Promise.all([import('./session'), this.loaded]);
    const session = new PanelSession(this.app.serviceManager, this.rendermime, () => this.settings.kernel);
    session.stationed.connect(() => this.pace(session));
    return session;
  }

  private async load(registry: ISettingRegistry | null): Promise<void> {
    const settings = await registry?.load(PANEL).catch((reason: unknown) => {
      console.warn('Neronet: its settings cannot be read', reason);
    });
    const take = (): void => {
      this.settings = { ...DEFAULTS, ...(settings?.composite as Partial<Settings>) };
      void this.made?.then(session => this.pace(session));
    };
    settings?.changed.connect(take);
    take();
  }

  private pace(session: PanelSession): void {
    session.station?.act('set_rate', { per_second: this.settings.updatesPerSecond }).catch(() => undefined);
  }
}

class Place extends Panel {
  private filled = false;

  constructor(
    private readonly host: Host,
    private readonly call: string
  ) {
    super();
    this.addClass('nn-place');
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    if (!this.filled) {
      this.filled = true;
      void this.host.fill(this, this.call);
    }
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible) {
      this.onAfterShow(message);
    }
  }
}
