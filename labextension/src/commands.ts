/** What the palette, the launcher, menus, keys and code can ask of Neronet. */
import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { type ICommandPalette, MainAreaWidget, Notification, WidgetTracker } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import type { ILauncher } from '@jupyterlab/launcher';
import type { JSONObject, ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { Panel } from '@lumino/widgets';
import type { Host } from './host';
import { mark } from './mark';
import { computerPath, OPEN_RUN, serverRoot, SHOW } from './shell';

export const COMMANDS = {
  show: SHOW,
  openRun: OPEN_RUN,
  openRuns: 'neronet:open-runs',
  compare: 'neronet:compare',
  newSweep: 'neronet:new-sweep',
  addFolder: 'neronet:add-folder',
  submitFolder: 'neronet:submit-folder'
} as const;

const CATEGORY = 'Neronet';

/** The folder that an entry of the file browser stands for; null: it is neither a folder nor a config.yaml. */
export function folderOf(item: { type: string; path: string } | undefined): string | null {
  if (item?.type === 'directory') {
    return item.path;
  }
  return item && PathExt.basename(item.path) === 'config.yaml' ? PathExt.dirname(item.path) : null;
}

export interface Optional {
  palette: ICommandPalette | null;
  launcher: ILauncher | null;
  browsers: IFileBrowserFactory | null;
  restorer: ILayoutRestorer | null;
}

interface Tab {
  id: string;
  call: string;
  label: string;
  caption: string;
  /** What it shows depends on what is selected now: asking again makes it anew. */
  fresh?: boolean;
}

export function addCommands(app: JupyterFrontEnd, host: Host, panel: Panel, optional: Optional): void {
  const { commands, shell } = app;
  const tabs = new WidgetTracker<MainAreaWidget<Panel>>({ namespace: 'neronet' });

  const open = (tab: Tab): void => {
    let widget = tabs.find(one => one.id === tab.id);
    if (tab.fresh) {
      widget?.dispose();
    }
    if (!widget || widget.isDisposed) {
      widget = new MainAreaWidget({ content: host.place(tab.call) });
      widget.id = tab.id;
      widget.title.label = tab.label;
      widget.title.caption = tab.caption;
      widget.title.icon = mark;
      widget.title.closable = true;
      widget.addClass('nn-tab');
      shell.add(widget, 'main', { type: 'Neronet' });
      void tabs.add(widget);
    }
    shell.activateById(widget.id);
  };
  const show = (): void => {
    if (!panel.isAttached) {
      shell.add(panel, 'left', { rank: 600 });
    }
    shell.activateById(panel.id);
  };
  const act = async (name: string, args: JSONObject): Promise<void> => {
    show();
    const session = await host.session();
    await session.act(name, args).catch((error: unknown) => {
      Notification.error(error instanceof Error ? error.message : String(error), { autoClose: 10000 });
    });
  };
  const selected = (): { type: string; path: string } | undefined =>
    optional.browsers?.tracker.currentWidget?.selectedItems().next().value;
  const folder = (args: ReadonlyPartialJSONObject): string => {
    if (typeof args.path === 'string') {
      return args.path;
    }
    const inside = folderOf(selected()) ?? optional.browsers?.tracker.currentWidget?.model.path ?? '';
    return computerPath(serverRoot(), app.serviceManager.contents.localPath(inside));
  };
  const fits = (args: ReadonlyPartialJSONObject): boolean => !args.selected || folderOf(selected()) !== null;

  commands.addCommand(COMMANDS.show, {
    label: args => (args.launcher ? 'Neronet' : 'Show Neronet'),
    caption: 'Sweeps of your program on the machines that you reach by SSH',
    icon: mark,
    execute: show
  });
  commands.addCommand(COMMANDS.openRun, {
    label: args => (args.number ? `Open Run ${String(args.number)}` : 'Open Run…'),
    icon: mark,
    execute: args => {
      const number = Number(args.number);
      if (!Number.isInteger(number) || number < 1) {
        throw new Error(`${COMMANDS.openRun} needs the number of a run, not ${JSON.stringify(args.number)}`);
      }
      open({
        id: `neronet-run-${number}`,
        call: `run_model_id(${number})`,
        label: `Run ${number}`,
        caption: `Run ${number}: figure, log, files`
      });
    }
  });
  commands.addCommand(COMMANDS.openRuns, {
    label: 'Open All Runs',
    icon: mark,
    execute: () => open({ id: 'neronet-runs', call: 'runs_model_id()', label: 'Runs', caption: 'All runs' })
  });
  commands.addCommand(COMMANDS.compare, {
    label: 'Compare Runs',
    icon: mark,
    execute: () =>
      open({
        id: 'neronet-compare',
        call: 'compare_model_id()',
        label: 'Compare',
        caption: 'Parameters against results',
        fresh: true
      })
  });
  commands.addCommand(COMMANDS.newSweep, {
    label: 'New Sweep',
    icon: mark,
    execute: () => act('new_sweep', {})
  });
  commands.addCommand(COMMANDS.addFolder, {
    label: 'Add to Neronet',
    caption: 'Add the experiments of this folder',
    icon: mark,
    isVisible: fits,
    execute: args => act('add_folder', { path: folder(args) })
  });
  commands.addCommand(COMMANDS.submitFolder, {
    label: 'Submit with Neronet…',
    caption: 'Choose parameters and a node for the program of this folder',
    icon: mark,
    isVisible: fits,
    execute: args => act('submit_folder', { path: folder(args) })
  });

  const { show: first, openRuns, compare, newSweep, addFolder, submitFolder } = COMMANDS;
  for (const command of [first, newSweep, openRuns, compare, addFolder, submitFolder]) {
    optional.palette?.addItem({ command, category: CATEGORY });
  }
  optional.launcher?.add({ command: first, args: { launcher: true }, category: 'Other', rank: 50 });
  void optional.restorer?.restore(tabs, {
    command: 'neronet:open-tab',
    args: widget => ({ id: widget.id }),
    name: widget => widget.id
  });
  commands.addCommand('neronet:open-tab', {
    isVisible: () => false,
    execute: args => {
      const number = /^neronet-run-(\d+)$/.exec(String(args.id))?.[1];
      const command = { 'neronet-runs': openRuns, 'neronet-compare': compare }[String(args.id)];
      return number ? commands.execute(OPEN_RUN, { number: Number(number) }) : command && commands.execute(command);
    }
  });
}

