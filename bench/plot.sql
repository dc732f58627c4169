-- What plot.awk draws: panel, place and name of the competitor, clients, decisions a second.
SELECT split_part(m.measure, ' ', 2), v.place, v.name, m.clients, round(m.value)
FROM bench.medians m
	JOIN (VALUES (1, 'extension', 'ledger_agents.authorize'), (2, 'floor', 'one prepared UPDATE + INSERT'),
		(3, 'plpgsql', 'PL/pgSQL function'), (4, 'application', 'application, four round trips'))
		v (place, competitor, name) USING (competitor)
WHERE m.measure IN ('plot hot', 'plot spread')
ORDER BY m.measure, v.place, m.clients;
