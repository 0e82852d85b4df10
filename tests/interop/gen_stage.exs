# SPDX-License-Identifier: MIT
# For gen_stage.py: plain stages of Elixir's library, and Twins, which plays a script to a stage and records the
# stage's answers.
defmodule Count do
  use GenStage
  def init(n), do: {:producer, n}
  def handle_demand(count, n), do: {:noreply, Enum.to_list(n..(n + count - 1)), n + count}
end

defmodule Double do
  use GenStage
  def init(_), do: {:producer_consumer, nil}
  def handle_events(events, _, state), do: {:noreply, Enum.map(events, &(&1 * 2)), state}
end

# Tells `report` each message that it gets. With `manual` it asks for nothing by itself.
defmodule Collect do
  use GenStage
  def init({report, demand}), do: {:consumer, {report, demand}}

  def handle_subscribe(:producer, _, from, {report, demand} = state) do
    send(report, {:subscribed, from})
    {demand, state}
  end

  def handle_cancel(why, _, {report, _} = state) do
    send(report, {:ended, why})
    {:noreply, [], state}
  end

  def handle_events(events, _, {report, _} = state) do
    send(report, {:events, events})
    {:noreply, [], state}
  end

  def handle_info({:ask, from, count}, state) do
    GenStage.ask(from, count)
    {:noreply, [], state}
  end
end

defmodule Work do
  def start_link(report, event) do
    Task.start_link(fn -> send(report, {:worked, event}) end)
  end
end

defmodule Workers do
  use ConsumerSupervisor
  def start_link(report), do: ConsumerSupervisor.start_link(__MODULE__, report)

  def init(report) do
    child = %{id: Work, start: {Work, :start_link, [report]}, restart: :temporary}
    ConsumerSupervisor.init([child], strategy: :one_for_one)
  end
end

defmodule Tools do
  # The first `count` events that a Collect has reported.
  def collected(count, so_far \\ []) do
    if length(so_far) >= count do
      Enum.take(so_far, count)
    else
      receive do
        {:events, events} -> collected(count, so_far ++ events)
      after
        20_000 -> {:only, so_far}
      end
    end
  end

  def worked(count), do: Enum.sort(for _ <- 1..count, do: receive(do: ({:worked, n} -> n), after: (20_000 -> :nothing)))
end

# The steps of a script run one after the other. After each step the stage has answered a call, so it has sent
# everything that the step makes it send. The stage's own references are numbered, so that two runs can be compared.
defmodule Twins do
  def play(stage, script) do
    {heard, _} = Enum.map_reduce(script, %{up: [], due: %{}, next: 0}, &step(stage, &1, &2))
    heard
  end

  defp step(stage, what, state) do
    state = act(stage, what, state)
    GenServer.call(stage, :"$estimate_buffered_count") |> then(&send(self(), {:buffered, &1}))
    hear(state, [])
  end

  defp act(stage, {:below, tag, what}, state) do
    send(stage, {:"$gen_producer", {self(), tag}, what})
    state
  end

  defp act(stage, {:subscribe, options}, state) do
    {:ok, tag} = GenServer.call(stage, {:"$subscribe", nil, self(), options})
    %{state | up: state.up ++ [tag], due: Map.put(state.due, tag, 0)}
  end

  defp act(stage, {:deliver, which, most}, state) do
    with tag when tag != nil <- Enum.at(state.up, which), count when count > 0 <- min(most, state.due[tag]) do
      send(stage, {:"$gen_consumer", {self(), tag}, Enum.to_list(state.next..(state.next + count - 1))})
      %{state | next: state.next + count, due: Map.update!(state.due, tag, &(&1 - count))}
    else
      _ -> state
    end
  end

  defp act(stage, {:end, which, reason}, state) do
    tag = Enum.at(state.up, which)
    if tag, do: send(stage, {:"$gen_consumer", {self(), tag}, {:cancel, reason}})
    state
  end

  defp hear(state, heard) do
    receive do
      {:buffered, count} -> {Enum.reverse([{:buffered, count} | heard]), state}
      {:"$gen_consumer", {_, tag}, what} -> hear(state, [{:down, tag, what} | heard])
      {:"$gen_producer", {_, tag}, {:ask, n}} ->
        hear(%{state | due: Map.update(state.due, tag, n, &(&1 + n))}, [{:up, number(state, tag), {:ask, n}} | heard])
      {:"$gen_producer", {_, tag}, what} -> hear(state, [{:up, number(state, tag), what} | heard])
    end
  end

  defp number(state, tag), do: Enum.find_index(state.up, &(&1 == tag))
end
