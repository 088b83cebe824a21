"""ScienceWorld: elementary science in a simulated house, played on the original simulator."""
