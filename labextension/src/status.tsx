/** The status bar's `3 running · 1 failed`, and notifications of what the user wants to know at once. */
import { Notification } from '@jupyterlab/apputils';
import type { IStatusBar } from '@jupyterlab/statusbar';
import { ReactWidget } from '@jupyterlab/ui-components';
import { Signal } from '@lumino/signaling';
import React from 'react';
import type { Host } from './host';
import type { PanelSession } from './session';
import { execute, openRun, SHOW } from './shell';
import type { Counts, News, StationModel } from './station';

const NOTHING: Counts = { running: 0, waiting: 0, failed: 0 };

/** The counts that are worth a place, in words. */
export function summary({ running, waiting, failed }: Counts): string {
  const parts: Array<[number, string]> = [
    [running, 'running'],
    [waiting, 'waiting'],
    [failed, 'failed']
  ];
  return parts
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count.toLocaleString('en')} ${word}`)
    .join(' · ');
}

class StatusItem extends ReactWidget {
  readonly activeChanged = new Signal<this, void>(this);
  private counts = NOTHING;

  get active(): boolean {
    return summary(this.counts) !== '';
  }

  show(): void {
    super.show();
    this.update();
  }

  take(counts: Counts): void {
    this.counts = counts;
    this.update();
    this.activeChanged.emit();
  }

  protected render(): JSX.Element {
    return (
      <button
        type="button"
        className="nn-status"
        title="Neronet: show its panel"
        onClick={() => void execute(SHOW)}
      >
        {summary(this.counts)}
      </button>
    );
  }
}

/** Follows the panel's kernel, when there is one. */
export function follow(host: Host, session: PanelSession, bar: IStatusBar | null): void {
  const item = new StatusItem();
  item.id = 'neronet-status';
  bar?.registerStatusItem('@neronet/labextension:status', {
    item,
    align: 'left',
    rank: 10,
    isActive: () => item.active,
    activeStateChanged: item.activeChanged
  });
  const take = (station: StationModel): void => {
    const counts = (): void => item.take(station.counts);
    station.on('change:state', counts);
    station.told.connect((_, news) => tell(host, news));
    counts();
  };
  session.stationed.connect((_, station) => take(station));
  session.changed.connect(() => session.condition.phase === 'stopped' && item.take(NOTHING));
  if (session.station) {
    take(session.station);
  }
}

function tell(host: Host, news: News): void {
  const { notifyFailed, notifyTerminated, notifyEnded } = host.settings;
  const { run } = news;
  if (!{ failed: notifyFailed, terminated: notifyTerminated, ended: notifyEnded }[news.kind]) {
    return;
  }
  const type = ({ failed: 'error', terminated: 'warning', ended: 'info' } as const)[news.kind];
  const action =
    run === null
      ? { label: 'Show the panel', callback: () => void execute(SHOW) }
      : { label: `Open run ${run}`, callback: () => void openRun(run) };
  Notification.emit(news.text, type, { autoClose: 10000, actions: [action] });
}
