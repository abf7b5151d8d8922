/** The widget classes that kernels name: `_model_name` and `_view_name` of neronet_jupyter. */
export { ViewModel } from './base';
export { HeadView } from './views/head';
export { LogView } from './views/log';
export { RunHeadView, RunSideView } from './views/run';
export { StationModel } from './station';
export { FigureView } from './views/figure';
export { NodePickerView } from './views/nodes';
export { ExperimentListView } from './views/experiments';
export { RunsView } from './views/runs';
export { CompareView } from './views/compare';
export { BacktestView } from './views/backtest';
export { PlotsView } from './views/plots';
export { SweepBuilderView } from './views/sweep';
