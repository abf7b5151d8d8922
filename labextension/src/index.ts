/** The plugins of Neronet in JupyterLab and Notebook. */
import { IJupyterWidgetRegistry } from '@jupyter-widgets/base';
import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { addCommands } from './commands';
import { Host, INeronet, PANEL } from './host';
import { mark } from './mark';
import { figureOutputs } from './output';
import { setShell } from './shell';

const MODULE = 'neronet';
const VERSION = '0.1.0'; // neronet_jupyter.widget asks for it

const widgets: JupyterFrontEndPlugin<void> = {
  id: '@neronet/labextension:widgets',
  description: 'The widgets of neronet_jupyter, in notebooks and in the panel.',
  autoStart: true,
  requires: [IJupyterWidgetRegistry],
  optional: [IDocumentManager],
  activate: (app: JupyterFrontEnd, registry: IJupyterWidgetRegistry, documents: IDocumentManager | null): void => {
    setShell(app, documents);
    registry.registerWidget({ name: MODULE, version: VERSION, exports: () => import('./widgets') });
  }
};

const panel: JupyterFrontEndPlugin<Host> = {
  id: PANEL,
  description: 'The panel in the sidebar, the tabs of runs, and the commands.',
  autoStart: true,
  requires: [IRenderMimeRegistry, IJupyterWidgetRegistry],
  optional: [ISettingRegistry, ILayoutRestorer, ICommandPalette, ILauncher, IFileBrowserFactory],
  provides: INeronet,
  activate: (
    app: JupyterFrontEnd,
    rendermime: IRenderMimeRegistry,
    _widgets: IJupyterWidgetRegistry,
    registry: ISettingRegistry | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    browsers: IFileBrowserFactory | null
  ): Host => {
    const host = new Host(app, rendermime, registry);
    rendermime.addFactory(figureOutputs(host));
    const place = host.place('model_id()');
    place.id = 'neronet-panel';
    place.title.icon = mark;
    place.title.caption = 'Neronet';
    place.node.setAttribute('role', 'region');
    place.node.setAttribute('aria-label', 'Neronet');
    app.shell.add(place, 'left', { rank: 600, type: 'Neronet' });
    restorer?.add(place, 'neronet-panel');
    addCommands(app, host, place, { palette, launcher, browsers, restorer });
    return host;
  }
};

const status: JupyterFrontEndPlugin<void> = {
  id: '@neronet/labextension:status',
  description: 'Counts of runs in the status bar, and notifications.',
  autoStart: true,
  requires: [INeronet],
  optional: [IStatusBar],
  activate: (app: JupyterFrontEnd, host: Host, bar: IStatusBar | null): void => {
    void app.restored.then(async () => {
      const [session, { follow }] = await Promise.all([host.session(), import('./status')]);
      follow(host, session, bar);
      if (await session.runs()) {
        session.start(); // another page, or this one before it was loaded again, has the panel open
      }
    });
  }
};

export default [widgets, panel, status];
